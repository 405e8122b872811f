"""One spelling for one address, as far as that is safe without asking the host."""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.model import URL_LIMIT


def tidy_link(link: str) -> str:
    """The URL of what somebody typed: scheme and host in lower case, no fragment, no default port,
    no tracking parameters, percent-encoding as need be; ``example.org/feed`` means https.

    Path, trailing slash, order of the query and http or https stay: they may matter to the host,
    and where they do not it redirects. Raises LinkNotSupported.
    """
    text = link.strip().strip("<>").strip()
    text = re.sub(r"^feed:(//)?(?=https?://)", "", text, flags=re.IGNORECASE)
    text = re.sub(r"^feed://", "https://", text, flags=re.IGNORECASE)
    if not re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        if re.match(r"(mailto|javascript|data|file|about):", text, re.IGNORECASE):
            raise LinkNotSupported
        text = f"https://{text}"
    url = parse(text)
    if url is None or re.search(r"\s", text) or len(text) > URL_LIMIT:
        raise LinkNotSupported
    kept = [(key, value) for key, value in url.query.items() if not _TRACKING.fullmatch(key)]
    if len(kept) != len(url.query):
        url = url.with_query(kept)
    host = (url.host or "").rstrip(".")
    try:
        if host != url.host:
            url = url.with_host(host)
        if url.raw_path == "/":
            url = url.with_path("/", keep_query=True)
        tidy = str(url.with_fragment(None))
    except ValueError:
        raise LinkNotSupported from None
    if len(tidy) > URL_LIMIT:  # longer than it was typed: a character can become nine
        raise LinkNotSupported
    return tidy


def parse(text: str) -> URL | None:
    """The http or https URL that a text is; None where it is none."""
    try:
        url = URL(text)
        host, _ = url.host, url.port
    except (ValueError, TypeError, IndexError):  # the last for "[::1]é@"
        return None
    if url.scheme not in ("http", "https") or not host or not re.search(r"\w", host):
        return None
    return url


def absolute(link: str | None, base: str) -> str | None:
    """A link in a document as an http or https URL, None where it is none or far too long."""
    if not link or len(link) > 2 * URL_LIMIT:
        return None
    text = "".join(link.split())
    if not text:
        return None
    try:
        url = URL(base).join(URL(text))
    except (ValueError, TypeError, IndexError):
        return None
    if parse(str(url)) is None or url.user or len(str(url)) > URL_LIMIT:
        return None
    return str(url)


def untracked(url: str) -> str:
    """A link without what only says where it was clicked: the same article, whoever shares it."""
    if "?" not in url or (parsed := parse(url)) is None:
        return url
    kept = [(key, value) for key, value in parsed.query.items() if not _TRACKING.fullmatch(key)]
    return url if len(kept) == len(parsed.query) else str(parsed.with_query(kept))


def host_of(url: str) -> str:
    """The host in lower case, without www., m. and the like, for a source to know its own."""
    return re.sub(r"^(www|m|mobile|old|new|np)\.", "", (URL(url).host or "").lower())


def path_of(url: str) -> list[str]:
    """The parts of the path that are not empty."""
    return [part for part in URL(url).path.split("/") if part]


_TRACKING: Final = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|yclid|_hsenc|_hsmi"
)

"""A web page's own word on where its feeds are."""

from __future__ import annotations

from itertools import islice
from typing import Final

from lxml import etree

from pwrbot.feeds.document import WebPage
from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.model import TITLE_LIMIT
from pwrbot.feeds.text import one_line
from pwrbot.feeds.urls import absolute


def parse_web_page(text: str, url: str) -> WebPage:
    """The feeds that a page names in ``<link rel="alternate">``, best first, and its title.

    A feed of comments, of one category or one tag comes after the others; then the page's own
    order counts. A page that names none gives none. Raises FeedUnreadable for a page without end.
    """
    if text.count("<") > _MARKUP_LIMIT:
        raise FeedUnreadable("too_complex")
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.replace("\0", "") or "<p>", parser)
    except (etree.LxmlError, ValueError):
        return WebPage(())
    if root is None:
        return WebPage(())
    base = next((absolute(element.get("href"), url) for element in root.iter("base")), None) or url
    found: dict[str, int] = {}
    for element in islice(root.iter("link"), 500):
        if "alternate" not in (element.get("rel") or "").lower().split():
            continue
        kind = (element.get("type") or "").lower().partition(";")[0].strip()
        label = f"{element.get('title') or ''} {element.get('href') or ''}".lower()
        if kind not in _FEEDS and not (kind in _PERHAPS and "feed" in label):
            continue
        if (address := absolute(element.get("href"), base)) is not None:
            worse = any(word in label for word in ("comment", "/category/", "/tag/"))
            found.setdefault(address, 2 * worse + (kind in _PERHAPS))
    title = next(("".join(map(str, t.itertext())) for t in root.iter("title")), "")
    return WebPage(tuple(sorted(found, key=lambda a: found[a])), one_line(title, TITLE_LIMIT))


_MARKUP_LIMIT: Final = 200_000  # tags: each takes some 350 bytes of memory
_FEEDS: Final = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/x.atom+xml",
        "application/x-atom+xml",
    }
)
# WordPress calls its programming interface an alternate of that type, too.
_PERHAPS: Final = frozenset({"application/json", "text/xml", "application/xml"})

"""A document that a host sent, as a feed: RSS, Atom or JSON Feed, told by what it is."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.model import (
    ID_LIMIT,
    SUMMARY_LIMIT,
    TITLE_LIMIT,
    FoundItem,
)
from pwrbot.feeds.text import Markup, one_line, title_text
from pwrbot.feeds.urls import absolute, untracked

ITEMS_LIMIT: Final = 10_000
"""A document of more is not read."""


class RawItem(msgspec.Struct, kw_only=True):
    """An item as its document has it."""

    id: str | None = None
    link: str | None = None
    title: str = ""
    title_is_text: bool = False
    """The format says that the title has no markup, so that ``<b>`` in it means just that."""
    content: str = ""
    """HTML, the summary if there is one."""
    image: str | None = None
    more_content: str = ""
    """Where to look for a picture when ``content`` has none."""
    author: str | None = None
    published_at: datetime | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as its document has it."""

    name: str
    description: str
    link: str | None
    """The page it belongs to."""
    image_url: str | None
    items: tuple[FoundItem, ...]
    """Oldest first, each id once."""
    ttl: timedelta | None = None
    complete: bool = True
    """False where it broke off: what is here is good, more will come."""


class WebPage(msgspec.Struct, frozen=True):
    """No feed, but a page that may lead to some."""

    feeds: tuple[str, ...]
    """Addresses of the feeds it names, the best first."""
    title: str = ""


def finish(raw_items: Sequence[RawItem], base: str) -> tuple[FoundItem, ...]:
    """Items in document order as those of the feed: identified, cleaned, oldest first.

    ``base`` is what relative addresses start from. Raises FeedUnreadable for too many.
    """
    if len(raw_items) > ITEMS_LIMIT:
        raise FeedUnreadable("too_large")
    same_id, same_link = _is_one_id_for_all(raw_items), _is_one_link_for_all(raw_items)
    found: dict[str, FoundItem] = {}
    for raw in raw_items:
        url = absolute(raw.link, base)
        url = untracked(url) if url else None
        own_id = None if same_id or _is_site(raw.id, url) else raw.id
        item_id = _identity(raw, own_id, None if same_link else url)
        if item_id not in found:  # the first is the newest, as a rule
            found[item_id] = _item(raw, item_id, url, base)
    return tuple(_oldest_first(list(found.values())))


def _item(raw: RawItem, item_id: str, url: str | None, base: str) -> FoundItem:
    content = Markup(raw.content or raw.more_content)
    picture = raw.image or content.picture()
    if picture is None and raw.content and "<img" in raw.more_content.lower():
        picture = Markup(raw.more_content).picture()
    if raw.title_is_text:
        title = one_line(raw.title, TITLE_LIMIT)
    else:
        title = title_text(raw.title, TITLE_LIMIT)
    return FoundItem(
        item_id=item_id,
        title=title,
        url=url,
        summary=content.text(SUMMARY_LIMIT),
        image_url=absolute(picture, base),
        author=title_text(raw.author or "", 100) or None,
        published_at=raw.published_at,
    )


def short_id(text: str) -> str:
    """An id of a source, fit to be a key: its hash where it is too long to be one."""
    text = " ".join(text.replace("\0", "").split())
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= ID_LIMIT else _hash(text)


def _identity(raw: RawItem, own_id: str | None, url: str | None) -> str:
    # An edited date does not make another item, so it is no part of the content's hash.
    return short_id(own_id or "") or (short_id(url) if url else _hash(raw.title, raw.content))


def _hash(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "replace")
    return f"hash:{hashlib.blake2b(text, digest_size=20).hexdigest()}"


def _is_one_id_for_all(raw_items: Sequence[RawItem]) -> bool:
    """Some generators give every item the site's address for an id: then it is none."""
    if len(raw_items) < 3:
        return False
    ids = Counter(raw.id for raw in raw_items)
    links = {raw.link for raw in raw_items}
    return len(ids) == 1 and len(links) == len(raw_items)


def _is_one_link_for_all(raw_items: Sequence[RawItem]) -> bool:
    """Some have items without ids that all lead to the same page, such as a list of changes."""
    return (
        len(raw_items) > 1
        and not any(raw.id for raw in raw_items)
        and len({raw.link for raw in raw_items}) == 1
    )


def _is_site(item_id: str | None, link: str | None) -> bool:
    """Whether an id is only a site's address, while the item has one of its own."""
    if not item_id or not link or "://" not in item_id:
        return False
    return bool(_SITE.fullmatch(item_id.strip())) and not _SITE.fullmatch(link)


def _oldest_first(items: list[FoundItem]) -> list[FoundItem]:
    """By date where all have one; else the document's order, turned unless its dates say not to.

    The sort is stable, so items of one moment keep the document's order.
    """
    dated = [item.published_at for item in items if item.published_at is not None]
    if not (len(dated) > 1 and dated[0] < dated[-1]):
        items = items[::-1]
    if len(dated) < len(items):
        return items
    return sorted(items, key=lambda item: item.published_at or _NEVER)


_SITE: Final = re.compile(r"https?://[^/?#]+/?", re.IGNORECASE)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def looks_like_json(text: str) -> bool:
    return bool(re.match(r"\s*[\[{]", text))

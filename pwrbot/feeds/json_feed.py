"""JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/), read with a wide heart."""

from __future__ import annotations

import html
from typing import Any, Final

import msgspec

from pwrbot.feeds.dates import parse_date
from pwrbot.feeds.document import ITEMS_LIMIT, Document, RawItem, finish
from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.model import SUMMARY_LIMIT, TITLE_LIMIT
from pwrbot.feeds.text import one_line
from pwrbot.feeds.urls import absolute

_PARTS_LIMIT: Final = 500_000  # objects, lists: each takes some 80 bytes of memory


def parse_json_feed(text: str, url: str) -> Document:
    """Raises FeedUnreadable for what is not JSON, or not a feed."""
    if text.count("{") + text.count("[") > _PARTS_LIMIT:
        raise FeedUnreadable("too_complex")
    try:
        feed = msgspec.json.decode(text.encode("utf-8", "replace"))
    except RecursionError:
        raise FeedUnreadable("too_complex") from None
    except msgspec.DecodeError as error:
        cut = "truncated" in str(error)
        raise FeedUnreadable("truncated" if cut else "not_a_feed") from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise FeedUnreadable("not_a_feed")
    if "jsonfeed.org" not in _text(feed.get("version")) and "title" not in feed:
        raise FeedUnreadable("not_a_feed")
    if len(feed["items"]) > ITEMS_LIMIT:
        raise FeedUnreadable("too_large")
    link = absolute(_text(feed.get("home_page_url")), url)
    image = _text(feed.get("icon")) or _text(feed.get("favicon"))
    return Document(
        name=one_line(_text(feed.get("title")), TITLE_LIMIT),
        description=one_line(_text(feed.get("description")), SUMMARY_LIMIT),
        link=link,
        image_url=absolute(image, url),
        items=finish([_item(item) for item in feed["items"] if isinstance(item, dict)], url),
    )


def _item(item: dict[str, Any]) -> RawItem:
    content = _text(item.get("content_html")) or html.escape(_text(item.get("content_text")))
    summary = _text(item.get("summary"))
    return RawItem(
        id=_text(item.get("id")),
        link=_text(item.get("url")) or _text(item.get("external_url")),
        title=_text(item.get("title")),
        content=html.escape(summary) if summary else content,
        more_content=content,
        image=_text(item.get("image")) or _text(item.get("banner_image")) or _attached(item),
        author=_author(item),
        published_at=parse_date(
            _text(item.get("date_published")) or _text(item.get("date_modified"))
        ),
    )


def _author(item: dict[str, Any]) -> str | None:
    authors = item.get("authors")  # 1.1; version 1 has one author
    for author in [*(authors if isinstance(authors, list) else []), item.get("author")]:
        if isinstance(author, dict) and (name := _text(author.get("name"))):
            return name
        if isinstance(author, str) and author:
            return author
    return None


def _attached(item: dict[str, Any]) -> str | None:
    attachments = item.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        if isinstance(attachment, dict) and _text(attachment.get("mime_type")).startswith("image/"):
            return _text(attachment.get("url"))
    return None


def _text(value: Any) -> str:
    """A text, or a number as one: ids often are numbers, against the letter of the format."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""

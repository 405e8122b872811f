"""Items of feeds as messages: ``item_view``, ``digest_view``, and the text of templates.

Whatever comes from a feed is a stranger's: it is cut to size, shows as it is written, and neither
formats, nor mentions, nor hides anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from discord import ui

from pwrbot.errors import PwrbotError
from pwrbot.views.wording import count, moment

PLACEHOLDERS: Final = ("title", "url", "summary", "author", "feed", "published")
TEMPLATE_LIMIT: Final = 1500
"""Characters of a template."""

_MOST_TEXT: Final = 4000  # characters of all text of a message of Components V2
_TITLE, _SUMMARY, _NAME = 256, 700, 80  # characters, before they are escaped
_POST: Final = 100  # of the name of a post in a forum
_LINK: Final = 1000  # a longer address is no link
_PICTURE: Final = 2048


class TemplateError(PwrbotError):
    """This template cannot be used."""


class Item(Protocol):
    """What a message says of an item: ``FeedItem``, ``PendingItem`` and ``FoundItem`` are it."""

    @property
    def title(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def summary(self) -> str: ...
    @property
    def image_url(self) -> str | None: ...
    @property
    def author(self) -> str | None: ...
    @property
    def published_at(self) -> datetime | None: ...


def item_view(
    item: Item,
    *,
    feed_name: str,
    template: str | None = None,
    role_id: int | None = None,
    picture: bool = True,
) -> ui.LayoutView:
    """The message about one item, by a template or in the default layout.

    ``role_id`` is mentioned; that it is pinged takes allowed_mentions of the same role besides.
    """
    body: list[ui.Item[Any]] = []
    if template is None:
        body.append(ui.TextDisplay(f"### {_headline(item)}"))
        if summary := escaped(item.summary, _SUMMARY):
            body.append(ui.TextDisplay(summary))
    else:
        body.append(ui.TextDisplay(render(template, item, feed_name)))
    if picture and (address := _address(item.image_url, _PICTURE)):
        gallery: ui.MediaGallery[Any] = ui.MediaGallery()
        gallery.add_item(media=address)
        body.append(gallery)
    if template is None and (small := _small_print(item, feed_name)):
        body.append(ui.TextDisplay(f"-# {small}"))
    return _layout(body, role_id)


def digest_view(
    items: Sequence[Item],
    total: int,
    *,
    feed_name: str,
    source_url: str,
    role_id: int | None = None,
) -> ui.LayoutView:
    """One message about many items: the newest of them, oldest first, and how many there are."""
    title = escaped(digest_title(total, feed_name), _POST)
    address = _address(source_url, _LINK)
    head = f"### [{title}]({address})" if address else f"### {title}"
    left = _MOST_TEXT - len(head) - 200
    lines: list[str] = []
    for item in reversed(items):
        line = f"- {_headline(item, 120)}"
        if len(line) + 1 > left:
            break
        left -= len(line) + 1
        lines.append(line)
    body: list[ui.Item[Any]] = [ui.TextDisplay(head), ui.TextDisplay("\n".join(reversed(lines)))]
    if total > len(lines):
        body.append(ui.TextDisplay(f"-# and {count(total - len(lines), 'more', 'more')} before"))
    return _layout(body, role_id)


def digest_title(total: int, feed_name: str) -> str:
    """``1,234 new items in The News``: plain text, which the name of a post in a forum is too."""
    name = cleaned(" ".join(feed_name.split()), _NAME) or "a feed"
    return cleaned(f"{count(total, 'new item')} in {name}", _POST)


def post_title(item: Item, feed_name: str) -> str:
    """The name of an item's post in a forum, which Discord shows as it is written."""
    return cleaned(item.title, _POST) or cleaned(feed_name, _POST) or "New item"


def check_template(template: str) -> None:
    """Raises TemplateError, saying what to change, for a template that cannot be used."""
    if not template.strip():
        raise TemplateError("The template is empty: write a text with {title} or {url} in it.")
    if len(template) > TEMPLATE_LIMIT:
        raise TemplateError(
            f"The template has {len(template):,} characters: shorten it to {TEMPLATE_LIMIT:,}."
        )
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    found = [match[1] for match in _PLACE.finditer(template)]
    for name in found:
        if name not in PLACEHOLDERS:
            raise TemplateError(f"There is no {{{name}}} to fill in: use {known}.")
    if not found:
        raise TemplateError(f"Without a place to fill in, every message is the same: use {known}.")


def render(template: str, item: Item, feed_name: str) -> str:
    """A template with an item's text in its places, at most as long as a message can be."""
    published = item.published_at
    values: dict[str, Callable[[], str]] = {
        "title": lambda: escaped(item.title, _TITLE) or "Untitled",
        "url": lambda: _address(item.url, _LINK) or "",
        "summary": lambda: escaped(item.summary, _SUMMARY),
        "author": lambda: escaped(item.author or "", _NAME),
        "feed": lambda: escaped(feed_name, _NAME),
        "published": lambda: moment(published) if published else "",
    }

    def value(match: re.Match[str]) -> str:
        known = values.get(match[1])
        return match[0] if known is None else known()

    text = _PLACE.sub(value, template).strip()
    return text[: _MOST_TEXT - 100] or "New item"


def cleaned(text: str, limit: int) -> str:
    """Text on as few lines as it needs, without what cannot be seen, cut to a length."""
    text = "".join(char for char in text if char in "\n\t\u200d" or _is_seen(char))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    text = "\n".join(line for line in lines if line.strip("\u200d"))
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def escaped(text: str, limit: int) -> str:
    """The same, which Discord shows as it is written; addresses in it stay links."""
    pieces = _ADDRESS.split(cleaned(text, limit))
    pieces[::2] = (_MARKDOWN.sub(r"\\\g<0>", piece) for piece in pieces[::2])
    whole = _LINE_START.sub(r"\1\2\\\3", "".join(pieces))
    return _MENTION.sub("@\u200b", whole)


_PLACE: Final = re.compile(r"\{(\w+)\}")
_ADDRESS: Final = re.compile(r"(https?://[^\s<>\[\]()|*`~\\]+)")
_MARKDOWN: Final = re.compile(r"[\\*_~`|<>\[\]]")
# A backslash takes a sign's meaning, and shows itself before a digit: it goes before the point.
_LINE_START: Final = re.compile(r"(?m)^(\s*)(\d*)((?<=\d)\.|(?<!\d)(?:#{1,3}|-#|[-+]))(?=\s)")
_MENTION: Final = re.compile(r"@(?=everyone|here|[!&]?\d)")


def _is_seen(char: str) -> bool:
    # Control and format characters (zero-width, direction marks), halves of pairs.
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")


def _headline(item: Item, limit: int = _TITLE) -> str:
    title = escaped(item.title.replace("\n", " "), limit) or "Untitled"
    address = _address(item.url, _LINK if limit == _TITLE else 300)
    if address is None:
        return title
    # A link that reads as an address leads there, not elsewhere.
    return f"{title} <{address}>" if "://" in title else f"[{title}]({address})"


def _small_print(item: Item, feed_name: str) -> str:
    parts = [
        escaped(item.author or "", _NAME),
        moment(item.published_at) if item.published_at else "",
        escaped(feed_name, _NAME),
    ]
    return " · ".join(part.replace("\n", " ") for part in parts if part)


def _address(url: str | None, limit: int) -> str | None:
    """An address as the target of a link; None for what is none, or is too long."""
    if url is None or not url.startswith(("http://", "https://")):
        return None
    if any(char.isspace() or not _is_seen(char) for char in url):
        return None
    url = re.sub(r"[()<>\[\]\\*`|]", lambda match: f"%{ord(match[0]):02X}", url)
    return url if len(url) <= limit else None


def _layout(body: Sequence[ui.Item[Any]], role_id: int | None) -> ui.LayoutView:
    layout = ui.LayoutView(timeout=None)
    if role_id is not None:
        layout.add_item(ui.TextDisplay(f"<@&{role_id}>"))
    layout.add_item(ui.Container(*body))
    return layout

"""Markup to plain text: cleaned, on one line, within a limit. Not escaped for Discord."""

from __future__ import annotations

import html
import re
import threading
from typing import Final

from lxml import etree


def one_line(text: str, limit: int) -> str:
    """Text without control characters and runs of space, cut at a word's end where one is near."""
    text = " ".join(_UNSEEN.sub(_unseen, text[: limit * 20]).split())
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > limit * 0.8 else cut).rstrip() + "…"


def title_text(markup: str, limit: int) -> str:
    """A title as plain text: ``<b>`` and entities go, ``Vec<String>`` and ``a < b`` stay."""
    text = markup[: limit * 20]
    if "<" in text:
        text = _INLINE.sub("", text)
    if "&" in text:
        text = html.unescape(text)
        if "<" in text:
            text = _INLINE.sub("", text)
    return one_line(text, limit)


class Markup:
    """A piece of HTML, read once for its text and for its pictures."""

    def __init__(self, markup: str) -> None:
        self._text = markup
        self._root = _fragment(markup) if "<" in markup else None

    def text(self, limit: int) -> str:
        """As plain text, scripts and styles left out."""
        if self._root is None:
            return one_line(html.unescape(self._text[: limit * 20]), limit)
        return one_line("".join(map(str, self._root.itertext())), limit)

    def picture(self) -> str | None:
        """The address of the first ``<img>`` that is no tracking pixel."""
        if self._root is None:
            return None
        for image in self._root.iter("img"):
            source = image.get("src") or image.get("data-src")
            if source and not {image.get("width"), image.get("height")} & {"0", "1"}:
                return source
        return None


def plain_text(markup: str, limit: int) -> str:
    """A piece of HTML as plain text."""
    return Markup(markup).text(limit)


_FRAGMENT_LIMIT: Final = 60_000  # characters of an article that are looked at
_parsers = threading.local()  # one for each thread: making one takes longer than using it


def _fragment(markup: str) -> etree._Element | None:
    markup = _BLOCK.sub(" ", _UNSEEN.sub(_unseen, markup[:_FRAGMENT_LIMIT]))
    if not hasattr(_parsers, "html"):
        _parsers.html = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(f"<div>{markup}</div>", _parsers.html)
    except (etree.LxmlError, ValueError):
        return None
    etree.strip_elements(root, *_DROPPED, with_tail=False)
    return root


def _unseen(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" else ""


# Control characters, marks that turn the direction of what follows them, half surrogates.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_DROPPED: Final = ("script", "style", "iframe", "title")
_BLOCK: Final = re.compile(
    r"(?=</?(?:address|article|aside|blockquote|br|dd|div|dl|dt|figcaption|figure|footer|h[1-6r]"
    r"|header|img|li|main|ol|p|pre|section|table|t[dhr]|ul)[\s/>])",
    re.IGNORECASE,
)
_INLINE: Final = re.compile(
    r"</?(?:a|abbr|acronym|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|kbd|mark|p|q|s|samp"
    r"|script|small|span|strike|strong|style|sub|sup|tt|u|var|wbr)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)

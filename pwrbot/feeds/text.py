"""Markup to plain text: cleaned, on one line, within a limit. Not escaped for Discord."""

from __future__ import annotations

import html
import re
from typing import Final

from lxml import etree
from lxml import html as lxml_html


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


def plain_text(markup: str, limit: int) -> str:
    """A piece of HTML as plain text, scripts and styles left out."""
    if "<" not in markup:
        return one_line(html.unescape(markup[: limit * 20]), limit)
    root = _fragment(markup)
    if root is None:
        return ""
    parts: list[str] = []
    _gather(root, parts)
    return one_line("".join(parts), limit)


def first_picture(markup: str) -> str | None:
    """The address of the first ``<img>`` of a piece of HTML that is no tracking pixel."""
    if "<img" not in markup and "<IMG" not in markup:
        return None
    root = _fragment(markup)
    if root is None:
        return None
    for image in root.iter("img"):
        source = image.get("src") or image.get("data-src")
        if source and not {image.get("width"), image.get("height")} & {"0", "1"}:
            return source
    return None


_FRAGMENT_LIMIT: Final = 60_000  # characters of an article that are looked at


def _fragment(markup: str) -> etree._Element | None:
    markup = _UNSEEN.sub(_unseen, markup[:_FRAGMENT_LIMIT])
    parser = lxml_html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(f"<div>{markup}</div>", parser)
    except (etree.LxmlError, ValueError):
        return None


def _gather(root: etree._Element, parts: list[str]) -> None:
    """Text of an element and below; the depth of the tree is what libxml2 allows, 256."""
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "start":
            if tag in _DROPPED:
                continue
            if tag in _BLOCKS:
                parts.append(" ")
            if element.text and not _inside_dropped(element):
                parts.append(element.text)
        else:
            if tag in _BLOCKS:
                parts.append(" ")
            if element.tail and not _inside_dropped(element.getparent()):
                parts.append(element.tail)


def _inside_dropped(element: etree._Element | None) -> bool:
    # What is dropped holds raw text, never elements: looking one up is enough.
    return element is not None and element.tag in _DROPPED


def _unseen(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" else ""


# Control characters, marks that turn the direction of what follows them, half surrogates.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_DROPPED: Final = frozenset({"script", "style", "iframe", "title"})
_BLOCKS: Final = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption",
     "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "img", "li", "main",
     "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)  # fmt: skip
_INLINE: Final = re.compile(
    r"</?(?:a|abbr|acronym|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|kbd|mark|p|q|s|samp"
    r"|script|small|span|strike|strong|style|sub|sup|tt|u|var|wbr)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)

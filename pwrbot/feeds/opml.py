"""OPML 2.0 (http://opml.org/spec2.opml): lists of feeds, as readers export and import them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Final

import msgspec
from lxml import etree

from pwrbot.errors import PwrbotError
from pwrbot.feeds.charset import decode
from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.model import TITLE_LIMIT
from pwrbot.feeds.text import one_line
from pwrbot.feeds.urls import tidy_link

LARGEST: Final = 1024 * 1024
"""Bytes of a file that is read."""
OUTLINES_LIMIT: Final = 1000
"""Feeds of a file that is read."""


class OpmlError(PwrbotError):
    """This is not an OPML file: export one from your feed reader."""


class Outline(msgspec.Struct, frozen=True):
    """One feed of a list."""

    title: str
    link: str
    """Of the feed, or whatever else ``Feeds.find`` takes."""
    page: str | None = None
    """Of the site, for people."""
    folders: tuple[str, ...] = ()


def read_opml(body: bytes) -> list[Outline]:
    """The feeds of a file, each link once, in its order; raises OpmlError.

    Outlines without a link that can be followed are folders, or are left out.
    """
    if len(body) > LARGEST:
        raise OpmlError(f"The file is larger than {LARGEST // 1024} KiB: split it.")
    root = _root(decode(body, None).lstrip("\ufeff \t\r\n"))
    found: dict[str, Outline] = {}
    for element in root.iter("outline"):
        link = _link(_attribute(element, "xmlurl"))
        if link is None or link in found:
            continue
        if len(found) == OUTLINES_LIMIT:
            raise OpmlError(f"The file has more than {OUTLINES_LIMIT} feeds: split it.")
        found[link] = Outline(
            title=_title(element) or link,
            link=link,
            page=_link(_attribute(element, "htmlurl")),
            folders=tuple(
                _title(above)
                for above in reversed(list(element.iterancestors("outline")))
                if _title(above)
            ),
        )
    return list(found.values())


def write_opml(title: str, outlines: Iterable[Outline], now: datetime) -> bytes:
    """A file that feed readers import; ``now`` is aware."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _clean(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for outline in outlines:
        parent = body
        for depth in range(1, len(outline.folders) + 1):
            path = outline.folders[:depth]
            if path not in folders:
                folders[path] = etree.SubElement(parent, "outline", text=_clean(path[-1]))
            parent = folders[path]
        text = _clean(outline.title)
        element = etree.SubElement(parent, "outline", type="rss", text=text, title=text)
        element.set("xmlUrl", _clean(outline.link))
        if outline.page:
            element.set("htmlUrl", _clean(outline.page))
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _root(text: str) -> etree._Element:
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, huge_tree=False, encoding="utf-8"
    )
    _, declaration, rest = text.partition("?>") if text.startswith("<?xml") else ("", "", "")
    document = rest if declaration else text
    try:
        root = etree.fromstring(document.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        raise OpmlError from None
    if root is None or root.tag != "opml":
        raise OpmlError
    if etree.ErrorTypes.ERR_RESOURCE_LIMIT in {entry.type for entry in parser.error_log}:
        raise OpmlError
    return root


def _attribute(element: etree._Element, name: str) -> str | None:
    """By its name in lower case: writers differ."""
    return next(
        (str(value) for key, value in element.attrib.items() if str(key).lower() == name), None
    )


def _title(element: etree._Element) -> str:
    title = _attribute(element, "title") or _attribute(element, "text") or ""
    return one_line(title, TITLE_LIMIT)


def _link(text: str | None) -> str | None:
    try:
        return tidy_link(text) if text else None
    except LinkNotSupported:
        return None


def _clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return one_line(text, 2000)

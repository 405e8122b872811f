"""RSS 0.9 to 2.0 and Atom, read by libxml2 in its forgiving mode and with its limits on.

Nothing outside the document is loaded, no entity is expanded; depth, expansion and length of text
are bounded by libxml2, the rest by the size of the body: the time is linear in that.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec
from lxml import etree

from pwrbot.feeds.dates import parse_date
from pwrbot.feeds.document import ITEMS_LIMIT, Document, RawItem, WebPage, finish
from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.model import SUMMARY_LIMIT, TITLE_LIMIT
from pwrbot.feeds.text import plain_text, title_text
from pwrbot.feeds.urls import absolute, parse
from pwrbot.feeds.web_page import parse_web_page

Element = etree._Element


def parse_xml_feed(text: str, url: str) -> Document | WebPage:
    """Raises FeedUnreadable for what is neither."""
    if text.count("<") > _MARKUP_LIMIT or text.count("=") > _MARKUP_LIMIT:
        raise FeedUnreadable("too_complex")
    root, is_well_formed = _root(text, url)
    match _name(root.tag):
        case ("", "rss" | "rdf" | "feed" | "channel"):
            pass
        case ("", "html"):
            return parse_web_page(text, url)
        case _:
            raise FeedUnreadable("not_a_feed")
    elements = list(root.iter("{*}item", "{*}entry"))
    if not elements:  # in capitals, or with a prefix that nobody declared
        elements = [element for element in root.iter() if _name(element.tag) in _ITEMS]
    if len(elements) > ITEMS_LIMIT:
        raise FeedUnreadable("too_large")
    end = _End(True, False) if is_well_formed else _End.of(text)
    if not end.is_whole and end.is_inside_item:
        elements = elements[:-1]
        if not elements:
            raise FeedUnreadable("truncated")
    head = _Head(_channel(root), url)
    return Document(
        name=head.name,
        description=head.description,
        link=head.link,
        image_url=head.image_url,
        ttl=head.ttl,
        items=finish([_item(element, url) for element in elements], url),
        complete=end.is_whole,
    )


def _root(text: str, url: str) -> tuple[Element, bool]:
    """The element at the top, and whether nothing was wrong with the document."""
    start = re.search(
        r"<(?:\?xml|!DOCTYPE|!--|(?:[\w.-]+:)?(?:rss|rdf|feed|channel|html)\b)", text, re.I
    )
    if start is None:
        raise FeedUnreadable("not_a_feed")
    # The text is decoded by now: what it says of its encoding is true no more.
    text = re.sub(r"^\s*<\?xml\b[^>]*>", "", text[start.start() :])
    root, errors = _parse(text, url)
    if errors & _MENDABLE:
        unquoted = etree.ErrorTypes.ERR_ATTRIBUTE_NOT_STARTED in errors
        root, errors = _parse(_mended(text, unquoted), url)
    if etree.ErrorTypes.ERR_RESOURCE_LIMIT in errors:
        raise FeedUnreadable("too_complex")
    if root is None:
        raise FeedUnreadable("not_a_feed")
    return root, not errors


def _parse(text: str, url: str) -> tuple[Element | None, set[int]]:
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser, base_url=url)
    except etree.XMLSyntaxError:
        root = None
    return root, {entry.type for entry in parser.error_log}


def _mended(text: str, unquoted: bool) -> str:
    """A text with the usual mistakes put right, CDATA left alone: bare ampersands, HTML's empty
    elements that are never closed and would swallow what follows, attributes without quotes."""
    outside, *rest = text.split("<![CDATA[")
    parts = [_mend(outside, unquoted)]
    for part in rest:
        inside, end, outside = part.partition("]]>")
        parts += ["<![CDATA[", inside, end, _mend(outside, unquoted)]
    return "".join(parts)


def _mend(text: str, unquoted: bool) -> str:
    text = _BARE_AMPERSAND.sub("&amp;", text)
    text = _VOID.sub(r"<\1\2/>", text)
    if not unquoted:
        return text
    return _TAG.sub(lambda tag: _UNQUOTED.sub(r'\1"\2"', tag[0]), text)


class _End(msgspec.Struct, frozen=True):
    """How a document ends. Looked up in its text: the forgiving parser closes what is open."""

    is_whole: bool
    is_inside_item: bool

    @classmethod
    def of(cls, text: str) -> _End:
        opened = closed = 0
        for match in _ITEM_TAG.finditer(text):
            if match[1]:
                closed = match.start()
            else:
                opened = match.start()
        tag, ends, _ = text[opened : opened + 1000].partition(">")
        is_inside_item = opened > closed and not (ends and tag.endswith("/"))
        return cls(_ROOT_CLOSED.search(text, closed) is not None, is_inside_item)


# Elements


def _name(tag: object) -> tuple[str, str]:
    """What an element is: the family of its namespace ("" for RSS, RDF and Atom), its name.

    A prefix that was never declared is taken for the family it usually means.
    """
    if not isinstance(tag, str):  # an entity
        return ("entity", "")
    if (known := _NAMES.get(tag)) is None:
        namespace, _, name = tag.rpartition("}")
        prefix, colon, local = name.rpartition(":")
        family = _family(namespace[1:].lower())
        if colon and not namespace:
            family = _PREFIXES.get(prefix.lower(), prefix.lower())
        known = (family, local.lower())
        if len(_NAMES) < 2000:
            _NAMES[tag] = known
    return known


def _family(namespace: str) -> str:
    for part, family in _FAMILIES:
        if part in namespace:
            return family
    return ""


def _plain(element: Element) -> str:
    """Text of an element that has no markup in it: an address, a date, a name."""
    if len(element) == 0:
        return (element.text or "").strip()
    return html.unescape("".join(map(str, element.itertext()))).strip()


def _markup(element: Element) -> str:
    """What is in an element as HTML: escaped in the document, or as elements of it."""
    if len(element) == 0:
        return element.text or ""
    text = element.text or ""
    if any(isinstance(child.tag, str) for child in element):
        text = html.escape(text, quote=False) if element.get("type") == "xhtml" else text
    return text + "".join(etree.tostring(child, encoding="unicode") for child in element)


def _resolved(link: str | None, element: Element, url: str) -> str | None:
    """A link by the xml:base it stands under."""
    link = "".join((link or "").split())
    if not link or re.match(r"[a-z][a-z0-9+.-]*:", link, re.IGNORECASE):
        return link or None
    return absolute(link, element.base or url)


def _link(element: Element, url: str) -> tuple[int, str] | None:
    """Where a link element leads and how good that is; None where it is not for people."""
    if (href := element.get("href")) is None:
        text = _resolved(_plain(element), element, url)
        return (3, text) if text else None
    rel, kind = element.get("rel", "alternate").lower(), element.get("type", "").lower()
    resolved = _resolved(href, element, url)
    if resolved is None or rel.rpartition("/")[2] != "alternate":
        return None
    return (2 if kind in ("", "text/html", "application/xhtml+xml") else 1, resolved)


# Items


def _item(element: Element, url: str) -> RawItem:
    raw = RawItem(id=element.get(_RDF_ABOUT))
    links: list[tuple[int, str]] = []
    dates: dict[str, str] = {}
    permalink = None
    summary = content = ""
    for child in element:
        family, name = _name(child.tag)
        match family, name:
            case "", "title":
                raw.title = _markup(child)
                raw.title_is_text = child.get("type", "").endswith(("text", "text/plain"))
            case "" | "origin", "link" | "origlink":
                if (link := _link(child, url)) is not None:
                    links.append((4, link[1]) if family == "origin" else link)
                elif not raw.image and child.get("rel") == "enclosure":
                    raw.image = _picture(child)
            case "", "guid" | "id":
                raw.id = _plain(child) or raw.id
                if child.get("isPermaLink", "true").lower() == "true" and name == "guid":
                    permalink = raw.id
            case "", "description" | "summary":
                summary = summary or _markup(child)
            case ("content", "encoded") | ("", "content"):
                content = content or _markup(child)
            case (
                _,
                "pubdate" | "published" | "date" | "issued" | "updated" | "modified" | "created",
            ):
                dates.setdefault(name, _plain(child))
            case "" | "dc" | "itunes", "author" | "creator":
                raw.author = raw.author or _author(child)
            case "", "enclosure":
                raw.image = raw.image or _picture(child)
            case "media" | "itunes", _:
                for inner in _media(child):
                    raw.image = raw.image or _picture(inner)
                    if _name(inner.tag) == ("media", "description"):
                        summary = summary or html.escape(_plain(inner))
                    if _name(inner.tag) == ("media", "title") and not raw.title:
                        raw.title = _plain(inner)
    raw.link = max(links, key=lambda link: link[0])[1] if links else None
    if raw.link is None and permalink and parse(permalink) is not None:
        raw.link = permalink
    raw.content, raw.more_content = summary, content
    for name in ("pubdate", "published", "date", "issued", "created", "updated", "modified"):
        if name in dates and raw.published_at is None:
            raw.published_at = parse_date(dates[name])
    raw.image = _resolved(raw.image, element, url)
    return raw


def _media(element: Element) -> Iterator[Element]:
    """Media RSS groups what it has: thumbnails count before the content itself."""
    below = [child for child in element.iter() if isinstance(child.tag, str)]
    return iter(sorted(below, key=lambda child: _name(child.tag)[1] != "thumbnail"))


def _picture(element: Element) -> str | None:
    link = element.get("url") or element.get("href")
    kind = element.get("type", "").lower() or element.get("medium", "").lower()
    if _name(element.tag)[1] in ("thumbnail", "image"):
        return link
    if kind.startswith("image") or (not kind and _PICTURE.search(link or "")):
        return link
    return None


def _author(element: Element) -> str:
    """A name: Atom's is an element, and RSS has ``mail@example.org (Name)``."""
    for child in element:
        if _name(child.tag)[1] == "name":
            return _plain(child)
    text = _plain(element)[:500]
    match = re.fullmatch(r"[^\s()]+@[^\s()]+\s*\((.+)\)", text)
    if match:
        return match[1]
    return "" if re.fullmatch(r"\S+@\S+", text) else text  # nobody's address is shown


# The feed itself


def _channel(root: Element) -> Element:
    for child in root:
        if _name(child.tag) == ("", "channel"):
            return child
    return root


class _Head:
    """What a feed says of itself."""

    def __init__(self, channel: Element, url: str) -> None:
        self.name = self.description = ""
        self.link: str | None = None
        self.image_url: str | None = None
        self.ttl: timedelta | None = None
        best = 0
        period, frequency = "", 1.0
        for child in channel:
            match _name(child.tag):
                case "", "title":
                    self.name = self.name or title_text(_markup(child), TITLE_LIMIT)
                case "", "description" | "subtitle" | "tagline":
                    self.description = self.description or plain_text(_markup(child), SUMMARY_LIMIT)
                case "", "link":
                    if (link := _link(child, url)) is not None and link[0] > best:
                        best, self.link = link[0], absolute(link[1], url)
                case "", "image" | "logo" | "icon":
                    self.image_url = self.image_url or _image(child, url)
                case "itunes", "image":
                    self.image_url = absolute(child.get("href"), url) or self.image_url
                case "", "ttl":
                    self.ttl = timedelta(minutes=_number(_plain(child))) or None
                case _, "updateperiod":
                    period = _plain(child).lower()
                case _, "updatefrequency":
                    frequency = _number(_plain(child)) or 1
        if self.ttl is None and period in _PERIODS:
            self.ttl = timedelta(hours=_PERIODS[period]) / max(1.0, frequency)


def _image(element: Element, url: str) -> str | None:
    for child in element:
        if _name(child.tag)[1] == "url":
            return absolute(_plain(child), url)
    return absolute(_plain(element), url) if len(element) == 0 else None


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else 0.0


_NAMES: Final[dict[str, tuple[str, str]]] = {}
_MARKUP_LIMIT: Final = 500_000  # tags, attributes: each takes some 250 bytes of memory
_ITEMS: Final = frozenset({("", "item"), ("", "entry")})
_FAMILIES: Final = (
    ("search.yahoo.com/mrss", "media"),
    ("purl.org/rss/1.0/modules/content", "content"),
    ("purl.org/dc/", "dc"),
    ("podcast-1.0.dtd", "itunes"),
    ("rssnamespace.org/feedburner", "origin"),
    ("purl.org/rss/1.0/modules/syndication", "syndication"),
    ("purl.org/rss/1.0/modules/slash", "other"),
    ("wellformedweb.org", "other"),
    ("georss", "other"),
    ("thread/1.0", "other"),
    ("youtube.com/xml/schemas", "other"),
    ("podcastindex.org", "other"),
    ("purl.org/atom/app", "other"),
    ("www.w3.org/2007/app", "other"),
)
_PREFIXES: Final = {
    "": "", "rss": "", "atom": "", "a10": "", "rdf": "", "media": "media", "content": "content",
    "dc": "dc", "itunes": "itunes", "feedburner": "origin", "sy": "syndication",
}  # fmt: skip
_PERIODS: Final = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720, "yearly": 8760}
_RDF_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_ITEM_TAG: Final = re.compile(r"<(/?)(?:[\w.-]{1,50}:)?(?:item|entry)(?=[\s/>])", re.IGNORECASE)
_ROOT_CLOSED: Final = re.compile(r"</(?:[\w.-]+:)?(?:rss|rdf|feed|channel)\s*>|<[^<>]*/>\s*$", re.I)
_MENDABLE: Final = frozenset(
    {
        etree.ErrorTypes.ERR_TAG_NAME_MISMATCH,
        etree.ErrorTypes.ERR_NAME_REQUIRED,
        etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING,
        etree.ErrorTypes.ERR_ATTRIBUTE_NOT_STARTED,
    }
)
_BARE_AMPERSAND: Final = re.compile(r"&(?!#?\w{1,32};)")
_TAG: Final = re.compile(r"<[A-Za-z][^<>]{0,2000}>")
_UNQUOTED: Final = re.compile(r"(\s[\w:.-]{1,100}=)([^\s\"'<>]{1,1000}?)(?=\s|/?>)")
_VOID: Final = re.compile(r"<(br|hr|img|input|wbr)\b([^<>]{0,2000}?)/?>", re.IGNORECASE)
_PICTURE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:\?|$)", re.IGNORECASE)

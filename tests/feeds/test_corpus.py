"""Documents as they are met in the wild, and worse: each is read, or fails by a named reason.

Beside each file of ``corpus/`` lies ``NAME.expect``, JSON: ``what`` it shows; ``charset`` of the
HTTP header; then ``fails`` with the reason, ``page`` with the feeds a web page names, or what the
feed and its items (oldest first) must have. What is not named is not looked at.
"""

from __future__ import annotations

import encodings
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import msgspec
import pytest

from pwrbot.feeds.charset import decode
from pwrbot.feeds.document import Document, WebPage
from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.fetch import LARGEST
from pwrbot.feeds.model import FoundItem
from pwrbot.feeds.reading import parse_document

CORPUS = Path(__file__).parent / "corpus"
URL = "https://feed.example/feed.xml"
CASES = sorted(CORPUS.glob("*.expect"))


def seen_of(item: FoundItem, name: str) -> Any:
    if name == "title_length":
        return len(item.title)
    value = getattr(item, name)
    if name == "published_at" and value is not None:
        return value.isoformat()
    if name == "item_id" and str(value).startswith("hash:"):
        return "hash:*"
    return value


def test_there_are_enough() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_document(path: Path) -> None:
    expected = msgspec.json.decode(path.read_bytes())
    expected.pop("what")
    expected.pop("unordered", None)
    body, charset = path.with_suffix("").read_bytes(), expected.pop("charset", None)

    if reason := expected.pop("fails", None):
        with pytest.raises(FeedUnreadable) as caught:
            parse_document(body, charset, URL)
        assert caught.value.reason == reason
        assert expected == {}
        return

    document = parse_document(body, charset, URL)

    if "page" in expected:
        assert isinstance(document, WebPage)
        assert list(document.feeds) == expected["page"]
        assert document.title == expected.get("title", document.title)
        return
    assert isinstance(document, Document)
    items = expected.pop("items")
    assert document.complete is expected.pop("complete", True)
    if "ttl" in expected:
        assert document.ttl is not None
        assert document.ttl.total_seconds() == expected.pop("ttl")
    assert {name: getattr(document, name) for name in expected} == expected
    seen = [{name: seen_of(i, name) for name in e} for i, e in zip(document.items, items)]  # noqa: B905
    assert seen == items
    assert len(document.items) == len(items)


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        (b"<!doctype html><html>", b"<p><b>"),
        (b"<!doctype html><html>", b"<a href=x>"),
        (b"<rss ", b'a="b" '),
        (b"<rss><channel>", b"<x>"),
        (b'{"version":"jsonfeed.org","title":"x","items":[{}],"x":[', b"{},"),
        (b'{"version":"jsonfeed.org","title":"x","items":[{}],"x":[', b"[],"),
    ],
)
def test_what_would_take_hundreds_of_megabytes(head: bytes, unit: bytes) -> None:
    """Of eight megabytes of tags, attributes or lists, no tree is made."""
    body = head + unit * (LARGEST // len(unit))
    with pytest.raises(FeedUnreadable) as caught:
        parse_document(body, None, URL)
    assert caught.value.reason == "too_complex"


@pytest.mark.parametrize("name", sorted(m.name for m in iter_modules(encodings.__path__)))
def test_every_charset_there_is(name: str) -> None:
    """Whatever a document calls its charset, it is read; escapes of Python's are not."""
    head = f"<?xml version='1.0' encoding='{name}'?><rss><channel><item><title>".encode()
    assert "<title>A" not in decode(head + rb"\x41" + b"\xff\xfe", None)


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_every_beginning_of_a_document(path: Path) -> None:
    """Wherever a document breaks off, it is read or fails by name."""
    body = path.with_suffix("").read_bytes()[:4000]
    for length in range(0, len(body), max(1, len(body) // 40)):
        try:
            found = parse_document(body[:length], None, URL)
        except FeedUnreadable:
            continue
        assert isinstance(found, (Document, WebPage))

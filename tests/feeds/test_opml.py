"""OPML, as readers write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pwrbot.feeds.opml import LARGEST, OUTLINES_LIMIT, OpmlError, Outline, read_opml, write_opml

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)


def test_what_is_written_is_read() -> None:
    outlines = [
        Outline("A & <b>", "https://e.org/a?x=1&y=2", "https://e.org/", ("News", "Tech")),
        Outline("Ünïcode \x00\x0b☕", "https://e.org/b", folders=("News",)),
        Outline("C", "https://e.org/c"),
    ]

    written = write_opml("Feeds of «Home»", outlines, NOON)

    assert b"<dateCreated>Mon, 06 May 2030 12:00:00 +0000</dateCreated>" in written
    assert read_opml(written) == [
        outlines[0],
        Outline("Ünïcode ☕", "https://e.org/b", folders=("News",)),
        outlines[2],
    ]


def test_what_readers_write() -> None:
    body = """<?xml version="1.0" encoding="ISO-8859-1"?>
    <opml version="1.0"><head><title>x</title></head><body>
      <outline text="Folder">
        <outline text="Caf\xe9" XMLURL="https://E.org/a#x" htmlUrl="javascript:alert(1)"/>
        <outline title="" text="" xmlUrl="e.org/b"/>
        <outline text="again" xmlUrl="https://e.org/a"/>
        <outline text="no link" xmlUrl="ftp://e.org/"/>
        <outline text="link" type="link" url="https://e.org/c"/>
      </outline>
    </body></opml>""".encode("latin-1")

    assert read_opml(body) == [
        Outline("Café", "https://e.org/a", None, ("Folder",)),
        Outline("https://e.org/b", "https://e.org/b", None, ("Folder",)),
    ]


def test_a_link_that_cannot_be_is_left_out() -> None:
    outlines = "".join(
        f'<outline xmlUrl="{link}"/>'
        for link in ("https://a%.", "xn--.=", "[::1]é@", "https://good.example/feed")
    )
    found = read_opml(f"<opml><body>{outlines}</body></opml>".encode())
    assert [outline.link for outline in found] == ["https://good.example/feed"]


def test_an_empty_list() -> None:
    assert read_opml(write_opml("", [], NOON)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"{}", b"<html/>", b"\x89PNG\r\n",
        b"<opml>" + b"<outline>" * 5000,
        b"<opml>" + b" " * LARGEST,
        b"<opml><body>" + b"".join(
            b'<outline xmlUrl="https://e.org/%d"/>' % number for number in range(OUTLINES_LIMIT + 1)
        ) + b"</body></opml>",
    ],
)  # fmt: skip
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(OpmlError):
        read_opml(body)


def test_entities_are_not_expanded_and_nothing_is_loaded() -> None:
    body = b"""<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "z">]>
    <opml><body><outline text="&y;" xmlUrl="https://e.org/a">&x;</outline></body></opml>"""

    assert [outline.link for outline in read_opml(body)] == ["https://e.org/a"]

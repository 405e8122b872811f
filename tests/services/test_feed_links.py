"""What counts as a link in what a member typed, and where one ends."""

from __future__ import annotations

import pytest

from pwrbot.services.feed_links import NoLinks, TooManyLinks, split_links


@pytest.mark.parametrize(
    ("typed", "links"),
    [
        ("https://a.example/feed", ["https://a.example/feed"]),
        ("a.example b.example", ["a.example", "b.example"]),
        ("a.example,b.example;c.example/x", ["a.example", "b.example", "c.example/x"]),
        ("a.example, b.example\nc.example", ["a.example", "b.example", "c.example"]),
        ("https://a.example,https://b.example", ["https://a.example", "https://b.example"]),
        ("<https://a.example>,<https://b.example>", ["<https://a.example>", "<https://b.example>"]),
        (" ,, a.example ,\t", ["a.example"]),
        ("a.example a.example", ["a.example"]),
        # A comma may be part of a link.
        ("https://a.example/1,2,3?x=4,5", ["https://a.example/1,2,3?x=4,5"]),
        ("not.a/link,but one", ["not.a/link,but", "one"]),
    ],
)
def test_links(typed: str, links: list[str]) -> None:
    assert split_links(typed) == links


@pytest.mark.parametrize("typed", ["", " \n", ",;,"])
def test_none(typed: str) -> None:
    with pytest.raises(NoLinks):
        split_links(typed)


def test_ten_and_no_more() -> None:
    ten = [f"a{number}.example" for number in range(10)]
    assert split_links(",".join(ten)) == ten
    assert split_links(" ".join([*ten, ten[0]])) == ten
    with pytest.raises(TooManyLinks, match="file and use /feed import"):
        split_links(" ".join([*ten, "one.more.example"]))

"""Somebody else's words have no power in a message."""

from __future__ import annotations

import re

import pytest

from pwrbot.sandbox.render import plain
from pwrbot.views.feed_wording import code, fit, link, third_party

NASTY = [
    "**bold** _it_ ~~no~~ ||spoiler|| `code` ```fence```",
    "# Heading",
    "> quote",
    "[click](https://evil.example)",
    "<@123> <@&456> <#789> <t:0:R> </feed list:1> <:a:12>",
    "https://evil.example/a_b_c",
    "\\*escaped*",
]


@pytest.mark.parametrize("text", NASTY)
def test_it_is_read_as_it_was_written(text: str) -> None:
    names = lambda sign, number: "PINGED"  # noqa: E731
    assert plain(third_party(text, 200), names).replace("\u200b", "") == text


def test_nobody_is_mentioned() -> None:
    assert "@everyone" not in third_party("@everyone and @here")
    assert not re.search(r"<@!?&?\d", third_party("<@123> <@!123> <@&123>"))


def test_it_is_one_line_of_a_length() -> None:
    assert third_party("a\n\n b\tc") == "a b c"
    assert third_party("x" * 101, 100) == "x" * 99 + "…"
    assert third_party("x" * 100, 100) == "x" * 100
    assert third_party("word " * 30, 10) == "word word…"


def test_a_link_cannot_be_broken_out_of() -> None:
    assert link("a](b", "https://x.example/a)>b c") == r"[a\]\(b](<https://x.example/a%29%3Eb%20c>)"
    assert link("name", None) == link("name", "javascript:x") == "name"
    assert link("name", "https://x.example/" + "a" * 400) == "name"
    assert link("  ", None) == "(without a name)"


def test_a_name_that_reads_as_an_address_leads_nowhere_else() -> None:
    shown = link("https://bank.example/login", "https://evil.example/")
    assert shown == r"https\://bank.example/login (<https://evil.example/>)"


def test_lines_that_do_not_fit_are_counted() -> None:
    assert fit(["abc", "def"], 8) == ["abc", "def"]
    assert fit(["abc", "def", "ghi"], 8) == ["abc", "def", "-# 1 more not shown"]


def test_code_ends_where_it_should() -> None:
    assert code("a`b\nc") == "`a'b c`"
    assert code("x" * 20, 5) == "`xxxx…`"

"""What a member reads."""

from __future__ import annotations

import time

import pytest

from pwrbot.sandbox.render import moment, plain


def _names(sign: str, item_id: int) -> str:
    return f"{sign}{item_id}".removeprefix(sign)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**bold** *it* ~~no~~ __u__ _i_ ***both***", "bold it no u i both"),
        ("# Title\n-# small\n> quoted", "Title\nsmall\nquoted"),
        (r"snake_case_name a\_b \*not\*", "snake_case_name a_b *not*"),
        ("`code **kept**` ```py\nx = 1\n```", "code **kept** x = 1"),
        ("<@1> <@!2> <#3> <@&4> <:wave:5> </voice top:6>", "@1 @2 #3 @4 :wave: /voice top"),
        ("[here](https://example.com/a_b)", "here (https://example.com/a_b)"),
        (r"[\*a\]b](<https://example.com/>)", "*a]b (https://example.com/)"),
        ("<t:0:d> <t:0:F>", "01/01/1970 Thursday, 01 January 1970 00:00"),
        ("<t:3661> <t:3661:T>", "01 January 1970 01:01 01:01:01"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markdown_and_mentions(written: str, read: str):
    assert plain(written, _names) == read


def test_times_from_now():
    now = int(time.time())
    assert moment(now - 7300, "R") == "2 hours ago"
    assert moment(now + 86_500, "R") == "in 1 day"

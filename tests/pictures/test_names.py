"""Names as people make them up, on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.pictures.names import NAMELESS, clusters, initials, one_line


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Ada", "Ada"),
        ("  Ada \t\n Lovelace ", "Ada Lovelace"),
        ("", NAMELESS),
        ("   ", NAMELESS),
        ("\u3164\u3164", NAMELESS),
        ("\u2800\u200b\u200e", NAMELESS),
        ("\u0301\u0302", NAMELESS),
        ("\x00a\x1b[31mb\x7f", "a[31mb"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066x\u2069", "x"),
        ("a\ud800b", "ab"),
        ("Z" + "\u0335" * 40, "Z" + "\u0335" * 3),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
)
def test_what_is_drawn_of_a_name(name: str, drawn: str) -> None:
    assert one_line(name) == drawn


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("abc", ["a", "b", "c"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩‍👩‍👧‍👦x", ["👩‍👩‍👧‍👦", "x"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("👍🏽1\ufe0f\u20e3", ["👍🏽", "1\ufe0f\u20e3"]),
        ("🏴\U000e0067\U000e007f!", ["🏴\U000e0067\U000e007f", "!"]),
        ("", []),
    ],
)
def test_what_counts_as_one_character(text: str, parts: list[str]) -> None:
    assert list(clusters(text)) == parts


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_is_lost_between_clusters(text: str) -> None:
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("bob", "B"),
        ("山田 太郎", "山"),
        ("🔥 mira 🔥", "M"),
        ("1️⃣ 2", "1"),
        ("🔥", ""),
        ("", ""),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters

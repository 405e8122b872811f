"""The order in which text of both directions is read.

The expected orders are those of Unicode's own examples and of its reference implementation.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.pictures.bidi import base_level, levels, visual_order


def seen(text: str) -> str:
    return "".join(text[index] for index in visual_order(levels(text)))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("abc", "abc"),
        ("אבג", "גבא"),
        ("car is אבג in", "car is גבא in"),
        ("אבג abc דהו", "והד abc גבא"),
        ("אבג 123", "123 גבא"),
        ("abc אבג 123", "abc 123 גבא"),
        ("مرحبا 12,5", "12,5 ابحرم"),
        ("אבג (abc)", "(abc) גבא".replace("(", "\0").replace(")", "(").replace("\0", ")")),
        ("abc (אבג) def", "abc (גבא) def"),
        ("+5 אבג", "גבא 5+"),
        ("אבג!", "!גבא"),
        ("", ""),
    ],
)
def test_the_order_on_screen(text: str, order: str) -> None:
    assert seen(text) == order


def test_the_first_strong_character_decides() -> None:
    assert base_level("123 אבג abc") == 1
    assert base_level("... abc אבג") == 0
    assert base_level("123") == 0


@given(st.text(st.sampled_from("aאم1٣ ,.+()\u0301\n\u202e%")))
def test_every_character_is_shown_once(text: str) -> None:
    order = visual_order(levels(text))
    assert sorted(order) == list(range(len(text)))


@given(st.text(st.sampled_from("abc 1,(")))
def test_text_of_one_direction_stays_as_it_is(text: str) -> None:
    assert seen(text) == text

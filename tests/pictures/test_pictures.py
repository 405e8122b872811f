"""The pictures: as they were when somebody last looked at them, and for whatever data."""

from __future__ import annotations

import io
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from pwrbot.pictures import (
    ALTERNATIVE_TEXT_LIMIT,
    Chart,
    Leaderboard,
    Period,
    Row,
    Week,
    Year,
    heat,
    leaderboard,
    lines,
)
from pwrbot.pictures.avatars import small
from pwrbot.pictures.fonts import Fonts
from pwrbot.pictures.palette import AMOUNTS, GROUND, LINES, MUTED, PLACES, RAISED, TEXT, Colour
from pwrbot.pictures.picture import alternative_text
from tests.pictures.examples import DOCS, EXAMPLES, PLAIN, board, chart, week, year

FONTS = Fonts()
HOUR = timedelta(hours=1)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_looks_as_it_did(name: str) -> None:
    """Edges may differ a little between versions of the libraries; nothing else may."""
    drawn, golden = opened(EXAMPLES[name](FONTS).png), Image.open(DOCS / f"{name}.png")
    assert drawn.size == golden.size
    difference = ImageChops.difference(drawn.convert("RGB"), golden.convert("RGB")).convert("L")
    assert ImageStat.Stat(difference).mean[0] < 0.25
    # No spot of 8 by 8 pixels is another one.
    coarse = difference.reduce(8)
    assert coarse.getextrema()[1] < 40  # type: ignore[operator]


def test_another_name_does_not_look_as_it_did() -> None:
    """The tolerance is not so wide that a change slips through."""
    other = leaderboard.draw(board(("Ada Lovelace", "Keito", *PLAIN[2:]), 10), FONTS)
    golden = Image.open(DOCS / "leaderboard-10.png").convert("RGB")
    difference = ImageChops.difference(opened(other.png).convert("RGB"), golden).convert("L")
    assert difference.reduce(8).getextrema()[1] >= 40  # type: ignore[operator]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_is_opaque_small_enough_and_told_in_words(name: str) -> None:
    picture = EXAMPLES[name](FONTS)
    image = opened(picture.png)
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == GROUND
    assert len(picture.png) < 4_000_000
    assert 20 < len(picture.alternative_text) <= ALTERNATIVE_TEXT_LIMIT


def test_the_alternative_text_has_the_top_lines() -> None:
    words = leaderboard.draw(board(PLAIN, 10), FONTS).alternative_text
    assert words.startswith("Voice leaderboard, This month: 01 Mar 2026")
    assert "\n1. Ada Lovelace: 11 h 52 min\n2. Kaito: 9 h 39 min\n" in words
    words = leaderboard.draw(board(PLAIN, 200), FONTS).alternative_text
    assert words.count("\n") > 20
    assert words.endswith("more")
    assert "Nobody has spent time" in leaderboard.draw(board(PLAIN, 0), FONTS).alternative_text
    assert "\nTotal " in heat.draw_week(week(), FONTS).alternative_text
    assert "March: " in lines.draw(chart(), FONTS).alternative_text
    assert " days.\n" in heat.draw_year(year(), FONTS).alternative_text


@given(st.text(), st.lists(st.text()))
def test_an_alternative_text_always_fits(head: str, told: list[str]) -> None:
    text = alternative_text(head * 9, [line * 50 for line in told])
    assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= ALTERNATIVE_TEXT_LIMIT


@given(
    st.lists(
        st.tuples(st.text(max_size=40), st.timedeltas(timedelta(0), timedelta(days=9_999))),
        max_size=4,
    )
)
@settings(max_examples=40)
def test_any_name_is_drawn(rows: list[tuple[str, timedelta]]) -> None:
    made = [Row(n + 1, name, time, "1 h") for n, (name, time) in enumerate(rows)]
    longest = max((time for _, time in rows), default=timedelta())
    picture = leaderboard.draw(Leaderboard("Board", "ever", made, longest), FONTS)
    assert opened(picture.png).size[0] == 1232


def test_heaped_marks_stay_in_their_line() -> None:
    def card(name: str) -> Image.Image:
        rows = [Row(1, "Ada", HOUR, "1 h"), Row(2, name, HOUR, "1 h"), Row(3, "Bob", HOUR, "1 h")]
        return opened(leaderboard.draw(Leaderboard("B", "w", rows, HOUR), FONTS).png)

    calm, heaped = card("e"), card("e" + "\u0300\u0316\u0335" * 30)
    box = ImageChops.difference(calm, heaped).getbbox()
    assert box is not None
    top, bottom = (84 + 54) * 2, (84 + 2 * 54) * 2
    assert top <= box[1]
    assert box[3] <= bottom


def test_a_face_is_drawn_and_its_absence_too() -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (250, 0, 250)).save(out, "PNG")
    row = Row(1, "Ada", HOUR, "1 h", face=small(out.getvalue()))
    with_face = opened(leaderboard.draw(Leaderboard("B", "w", [row], HOUR), FONTS).png)
    assert any(
        colour[0] > 240 and colour[1] < 12 and colour[2] > 240
        for _, colour in with_face.getcolors(100_000) or ()
        if isinstance(colour, tuple)
    )
    assert leaderboard.draw(board(PLAIN, 1), FONTS).png


def test_the_bar_is_relative_to_the_first_on_any_page() -> None:
    def blue(longest: timedelta) -> int:
        rows = [Row(11, "Ada", HOUR, "1 h")]
        image = opened(leaderboard.draw(Leaderboard("B", "w", rows, longest), FONTS).png)
        return sum(count for count, colour in image.getcolors(100_000) or () if colour == LINES[0])

    assert blue(HOUR) > 1.9 * blue(2 * HOUR) > 3.6 * blue(4 * HOUR) > 0
    assert blue(timedelta()) == 0


def test_no_more_than_200_rows_are_drawn() -> None:
    many, most = (
        leaderboard.draw(board(PLAIN, 300), FONTS),
        leaderboard.draw(board(PLAIN, 200), FONTS),
    )
    assert opened(many.png).size == opened(most.png).size


def test_a_year_without_time_and_one_of_a_day() -> None:
    day = date(2026, 3, 18)
    for days in ({}, {day: HOUR}):
        picture = heat.draw_year(Year("Y", "w", day, day, days), FONTS)
        assert (
            f"Total {len(days)} {'h' if days else 's'} on {len(days)} day"
            in picture.alternative_text
        )
    ages = heat.draw_year(Year("Y", "w", date(1970, 1, 1), day, {day: HOUR}), FONTS)
    assert opened(ages.png).size[0] < 2_000
    assert "Wed 18 Mar 2026: 1 h" in ages.alternative_text


def test_a_week_without_time() -> None:
    picture = heat.draw_week(Week("W", "w", [timedelta()] * 168), FONTS)
    assert "Total 0 s." in picture.alternative_text


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [[]],
        [[timedelta()]],
        [[HOUR], [2 * HOUR, HOUR]],
        [[timedelta(seconds=1)] * 400],
        [[timedelta(days=9_000_000)] * 3],
    ],
)
def test_any_chart_is_drawn(periods: list[list[timedelta]]) -> None:
    made = [Period(f"p{number}", times) for number, times in enumerate(periods)]
    picture = lines.draw(Chart("C", "w", ["a", "b"], made), FONTS)
    assert opened(picture.png).size == (1360, 784)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG's contrast ratio. https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""

    def luminance(colour: Colour) -> float:
        parts = [c / 255 for c in colour]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_stands_out_and_amounts_grow_lighter() -> None:
    for colour in (TEXT, MUTED, *PLACES, *LINES):
        assert contrast(colour, GROUND) >= 4.5
        assert contrast(colour, RAISED) >= 4.5
    steps = [contrast(colour, GROUND) for colour in (RAISED, *AMOUNTS)]
    assert all(after > before * 1.25 for before, after in pairwise(steps))

"""Shaping: which glyphs, where, and what is cut off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pwrbot.pictures.fonts import DIRECTORY, Fonts, FontsMissing
from pwrbot.pictures.text import ELLIPSIS, emoji, fit, rasterize, shape


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    return Fonts()


@pytest.mark.parametrize(
    "text",
    ["Ada ŁØĐ Ελλ Жук", "山田太郎", "张伟", "臺灣", "ひらカタ", "한국어뷁", "محمد", "שלום", "नमस्ते",
     "ไทย", "ქართ", "Հայ", "አማርኛ", "ᴋɪɴɢ", "𝓕𝖗𝕒", "꧁༺☆彡", "→∞♡✓", "ｗｉｄｅ", "🎉👩‍💻"],
)  # fmt: skip
def test_every_script_has_glyphs(fonts: Fonts, text: str) -> None:
    line = shape(fonts, text, 30)
    assert line.width > 10
    assert all(glyph.number != 0 for glyph in line.glyphs)


def test_what_no_font_has_is_a_box(fonts: Fonts) -> None:
    unknown, box = shape(fonts, "a\U000f0000b", 30), shape(fonts, "a□b", 30)
    assert [glyph.number for glyph in unknown.glyphs] == [glyph.number for glyph in box.glyphs]


def test_arabic_letters_join(fonts: Fonts) -> None:
    joined = {glyph.number for glyph in shape(fonts, "ببب", 30).glyphs}
    alone = {glyph.number for glyph in shape(fonts, "ب", 30).glyphs}
    assert len(joined) == 3
    assert not joined & alone


def test_hebrew_runs_leftward(fonts: Fonts) -> None:
    first, second = shape(fonts, "א", 30).glyphs[0], shape(fonts, "ב", 30).glyphs[0]
    numbers = [glyph.number for glyph in shape(fonts, "אב", 30).glyphs]
    assert numbers == [second.number, first.number]


def test_a_family_is_one_emoji_and_in_colour(fonts: Fonts) -> None:
    family, flag = shape(fonts, "👩‍👩‍👧‍👦", 30), shape(fonts, "🇩🇪", 30)
    for line in (family, flag):
        ((image, _, _),) = emoji(line)
        assert len(image.convert("RGB").getcolors(100_000) or ()) > 10
        assert rasterize(line, 0) is None


def test_an_emoji_can_be_asked_for_as_text(fonts: Fonts) -> None:
    assert emoji(shape(fonts, "☺\ufe0f", 30))
    assert not emoji(shape(fonts, "☺", 30))
    assert not emoji(shape(fonts, "1#*", 30))


def test_digits_are_of_one_width(fonts: Fonts) -> None:
    assert shape(fonts, "111", 30).width == shape(fonts, "888", 30).width


@pytest.mark.parametrize(
    "text", ["A name that is far too long", "山田太郎" * 9, "שלום" * 20, "👍🏽" * 30]
)
def test_what_is_too_long_ends_in_an_ellipsis(fonts: Fonts, text: str) -> None:
    line = fit(fonts, text, 30, 200)
    assert 120 < line.width <= 200
    dots = {glyph.number for glyph in shape(fonts, ELLIPSIS, 30).glyphs}
    ends = {line.glyphs[0].number, line.glyphs[-1].number}
    assert dots & ends


def test_an_emoji_is_never_cut_apart(fonts: Fonts) -> None:
    whole = emoji(shape(fonts, "👩‍👩‍👧‍👦", 30))[0][0]
    for most in range(60, 200, 7):
        for image, _, _ in emoji(fit(fonts, "👩‍👩‍👧‍👦" * 8, 30, most)):
            assert image.tobytes() == whole.tobytes()


def test_what_fits_stays_whole(fonts: Fonts) -> None:
    assert fit(fonts, "Ada", 30, 500) == shape(fonts, "Ada", 30)
    assert shape(fonts, "", 30).width == 0
    assert rasterize(shape(fonts, "  ", 30), 0) is None


def test_no_room_at_all_leaves_the_ellipsis(fonts: Fonts) -> None:
    assert fit(fonts, "Ada", 30, 1) == shape(fonts, ELLIPSIS, 30)


@pytest.mark.parametrize("damage", [None, b"", b"no font", b"OTTO" + bytes(400)])
def test_a_missing_or_damaged_font_is_told(tmp_path: Path, damage: bytes | None) -> None:
    copy = tmp_path / "fonts"
    shutil.copytree(DIRECTORY, copy)
    broken = copy / "NotoSansHebrew.ttf"
    broken.unlink()
    if damage is not None:
        broken.write_bytes(damage)
    fonts = Fonts(copy)
    assert shape(fonts, "Ada", 30).width > 0
    if damage is None:
        # One script less is a box more; the rest is drawn.
        assert shape(fonts, "ש", 30) == shape(fonts, "□", 30)
    else:
        with pytest.raises(FontsMissing, match=r"NotoSansHebrew\.ttf"):
            shape(fonts, "ש", 30)


def test_no_fonts_at_all(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match="install pwrbot again"):
        shape(Fonts(tmp_path), "Ada", 30)

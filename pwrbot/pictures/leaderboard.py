"""The leaderboard as a card: rank, face, name, time and a bar as long as the time."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
from PIL import Image

from pwrbot.pictures.canvas import Canvas
from pwrbot.pictures.fonts import Fonts
from pwrbot.pictures.names import initials, one_line
from pwrbot.pictures.palette import (
    BAR,
    DISCS,
    MUTED,
    PLACES,
    RAISED,
    TEXT,
    TRACK,
)
from pwrbot.pictures.picture import Picture, alternative_text

MOST_ROWS = 200


class Row(msgspec.Struct, frozen=True):
    """One member's line."""

    place: int
    name: str
    time: timedelta
    words: str
    """The time as members read it."""
    face: bytes | None = None
    """An image file of the member's avatar, None for a disc with initials."""
    seed: int = 0
    """What the disc's colour is chosen by, so that a member keeps it."""
    marked: bool = False
    """Whether it is the line of who asks."""


class Leaderboard(msgspec.Struct, frozen=True):
    """At most 200 rows, in the order they are drawn; further ones are left out."""

    title: str
    when: str
    rows: Sequence[Row]
    longest: timedelta
    """What a whole bar stands for: the time of the first, on whatever page."""
    empty: str = "Nobody has spent time in voice yet."


_MARGIN = 28.0
_HEAD = 84.0
_GAP = 20.0


class _Layout(msgspec.Struct, frozen=True):
    columns: int
    width: float
    """Of a column."""
    height: float
    """Of a row."""
    size: float
    """Of the names."""
    scale: float
    rank: float = 30.0
    """The room for the rank's number."""


def draw(card: Leaderboard, fonts: Fonts, wanted: Callable[[], None] = lambda: None) -> Picture:
    """The card; the more rows, the more columns. Raises FontsMissing."""
    rows = card.rows[:MOST_ROWS]
    layout = _layout(len(rows), max((row.place for row in rows), default=0))
    down = -(-len(rows) // layout.columns) if rows else 2
    width = 2 * _MARGIN + layout.columns * layout.width + (layout.columns - 1) * _GAP
    canvas = Canvas(fonts, width, _HEAD + down * layout.height + 20, layout.scale, wanted)
    inner = width - 2 * _MARGIN
    canvas.text(_MARGIN, 42, one_line(card.title), 24, weight="semibold", most=inner)
    canvas.text(_MARGIN, 65, one_line(card.when), 14, MUTED, most=inner)
    if not rows:
        canvas.rectangle(_MARGIN, _HEAD, inner, 2 * layout.height - 4, RAISED, 12)
        canvas.text(
            width / 2, _HEAD + layout.height + 3, card.empty, 17, MUTED, align="middle", most=inner
        )
    for index, row in enumerate(rows):
        column, line = divmod(index, down)
        x = _MARGIN + column * (layout.width + _GAP)
        _draw_row(canvas, row, x, _HEAD + line * layout.height, layout, card.longest)
    told = [f"{row.place}. {one_line(row.name)}: {row.words}" for row in rows]
    words = alternative_text(f"{one_line(card.title)}, {one_line(card.when)}", told or [card.empty])
    return Picture("leaderboard.png", canvas.png(), words)


def _layout(rows: int, last_place: int) -> _Layout:
    rank = 30.0 + 10 * max(0, len(str(last_place)) - 2)
    if rows <= 15:
        return _Layout(1, 560, 54, 18, 2, rank)
    if rows <= 50:
        return _Layout(2, 440, 50, 16, 2, rank)
    return _Layout(4, 330, 44, 15, 1.5, rank)


def _draw_row(
    canvas: Canvas, row: Row, x: float, y: float, layout: _Layout, longest: timedelta
) -> None:
    width, height, size = layout.width, layout.height, layout.size
    middle = y + (height - 4) / 2
    if row.marked:
        canvas.rectangle(x - 10, y - 1, width + 20, height - 2, RAISED, 12)
    colour = PLACES[row.place - 1] if 1 <= row.place <= len(PLACES) else MUTED
    rank = layout.rank
    canvas.text(
        x + rank / 2,
        middle + size * 0.36,
        str(row.place),
        size,
        colour,
        weight="semibold",
        align="middle",
    )
    face = height - 16
    canvas.disc(x + rank + 8, middle - face / 2, face, _face(row))
    if row.face is None:
        letters = initials(one_line(row.name, otherwise=""))
        centre = x + rank + 8 + face / 2
        canvas.text(
            centre,
            middle + face * 0.14,
            letters,
            face * 0.4,
            weight="semibold",
            align="middle",
            most=face * 0.86,
        )
    left = x + rank + 8 + face + 12
    base = middle - 1
    taken = canvas.text(
        x + width, base, row.words, size - 2, weight="semibold", align="right", most=width / 2
    )
    room = x + width - taken - 14 - left
    canvas.text(left, base, one_line(row.name), size, TEXT, most=room, tall=1.1)
    bar, thick = x + width - left, 7.0
    top = middle + 8
    canvas.rectangle(left, top, bar, thick, TRACK, thick / 2)
    share = row.time / longest if longest > timedelta() else 0.0
    if share > 0:
        long = max(thick, bar * min(share, 1.0))
        canvas.rectangle(left, top, long, thick, colour if row.place <= 3 else BAR, thick / 2)


def _face(row: Row) -> Image.Image:
    if row.face is not None:
        return Image.open(io.BytesIO(row.face)).convert("RGB")
    return Image.new("RGB", (8, 8), DISCS[row.seed % len(DISCS)])

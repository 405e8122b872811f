"""A line of text, shaped: which glyph of which typeface stands where, in any script."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import NamedTuple

import uharfbuzz as hb
from PIL import Image

from pwrbot.pictures.bidi import levels, visual_order
from pwrbot.pictures.fonts import Fonts, Typeface, Weight
from pwrbot.pictures.names import clusters

ELLIPSIS = "…"
UNKNOWN = "□"
"""Stands for what no typeface has."""

_EMOJI_SCALE = 0.86
"""Noto's emoji are wider than an em: this brings them near the height of Inter's letters."""
_EMOJI_MIDDLE = 0.36
"""The middle of Inter's capitals above the base line, in ems."""


class Glyph(NamedTuple):
    """A glyph, and where its origin is: pixels from the line's left, and above its base line."""

    typeface: Typeface
    number: int
    x: float
    y: float
    advance: float


class Line(NamedTuple):
    """Glyphs from left to right."""

    glyphs: list[Glyph]
    size: float
    """Pixels to the em."""
    width: float


class Mask(NamedTuple):
    """How much of each pixel is covered, and where its upper left corner lies: from the line's
    left, and below its base line (above: negative)."""

    image: Image.Image
    x: int
    y: int


def shape(fonts: Fonts, text: str, size: float, weight: Weight = "medium") -> Line:
    """A line of text of that many pixels to the em, digits all of one width."""
    parts: list[tuple[str, Typeface]] = []
    before = None
    for cluster in clusters(text):
        typeface = fonts.choose(cluster, weight, before)
        if typeface is None:
            cluster, typeface = UNKNOWN, fonts.choose(UNKNOWN, weight, before)
            if typeface is None:
                continue
        parts.append((cluster, typeface))
        before = typeface
    text = "".join(cluster for cluster, _ in parts)
    embedding = levels(text)
    runs: list[tuple[int, int, Typeface]] = []  # start, end
    start = 0
    for cluster, typeface in parts:
        end = start + len(cluster)
        last = runs[-1] if runs else None
        if last and last[2] is typeface and embedding[last[0]] == embedding[start]:
            runs[-1] = (last[0], end, typeface)
        else:
            runs.append((start, end, typeface))
        start = end
    glyphs: list[Glyph] = []
    x = 0.0
    for number in visual_order([embedding[run[0]] for run in runs]):
        start, end, typeface = runs[number]
        found, x = _shape(typeface, text, start, end, embedding[start] % 2 == 1, size, x)
        glyphs += found
    return Line(glyphs, size, x)


def fit(fonts: Fonts, text: str, size: float, most: float, weight: Weight = "medium") -> Line:
    """The same in at most so many pixels: what is too long ends in an ellipsis."""
    line = shape(fonts, text, size, weight)
    if line.width <= most:
        return line
    parts = list(clusters(text))
    shortest, longest = 0, len(parts)
    best = shape(fonts, ELLIPSIS, size, weight)
    while shortest < longest:
        middle = (shortest + longest) // 2
        line = shape(fonts, "".join(parts[:middle]).rstrip() + ELLIPSIS, size, weight)
        if line.width <= most:
            shortest, best = middle + 1, line
        else:
            longest = middle
    return best


def rasterize(line: Line, left: float) -> Mask | None:
    """The outlines of a line that begins so far right of a pixel's edge; None for only blanks."""
    pen = hb.RasterDraw()
    drawn = False
    for glyph in line.glyphs:
        if not glyph.typeface.colour:
            scale = line.size / glyph.typeface.em
            pen.transform = (scale, 0.0, 0.0, scale, left + glyph.x, glyph.y)
            pen.draw_glyph(glyph.typeface.font, glyph.number)
            drawn = True
    rendered = pen.render() if drawn else None
    if rendered is None or not rendered.extents.width or not rendered.extents.height:
        return None
    at = rendered.extents
    # HarfBuzz counts rows from the bottom.
    image = Image.frombytes("L", (at.width, at.height), rendered.buffer, "raw", "L", at.stride, -1)
    return Mask(image, at.x_origin, -(at.y_origin + at.height))


def emoji(line: Line) -> list[tuple[Image.Image, float, float]]:
    """The coloured glyphs of a line, and where the upper left corner of each lies, as a Mask's."""
    found: list[tuple[Image.Image, float, float]] = []
    for glyph in line.glyphs:
        if glyph.typeface.colour and glyph.advance > 0:
            width = max(1, round(glyph.advance * 0.98))
            image = _emoji(glyph.typeface, glyph.number, width)
            if image is not None:
                x = glyph.x + (glyph.advance - width) / 2
                found.append((image, x, -_EMOJI_MIDDLE * line.size - image.height / 2))
    return found


def _shape(
    typeface: Typeface, text: str, start: int, end: int, leftward: bool, size: float, x: float
) -> tuple[list[Glyph], float]:
    buffer = hb.Buffer()
    # With what stands around it: letters join across a change of typeface.
    buffer.add_str(text, start, end - start)
    buffer.direction = "rtl" if leftward else "ltr"
    buffer.guess_segment_properties()
    hb.shape(typeface.font, buffer, {"tnum": True})
    scale = size / typeface.em * (_EMOJI_SCALE if typeface.colour else 1)
    glyphs: list[Glyph] = []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        advance = position.x_advance * scale
        dx, dy = position.x_offset * scale, position.y_offset * scale
        glyphs.append(Glyph(typeface, info.codepoint, x + dx, dy, advance))
        x += advance
    return glyphs, x


@lru_cache(maxsize=256)
def _emoji(typeface: Typeface, number: int, width: int) -> Image.Image | None:
    png = typeface.font.get_glyph_color_png(number).data
    if not png:
        return None
    image = (
        Image.open(io.BytesIO(png)).convert("RGBA").convert("RGBa")
    )  # premultiplied: edges stay clean
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS).convert("RGBA")

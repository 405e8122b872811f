"""A drawing in points, so many pixels to each; what is drawn here is drawn smoothly."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from PIL import Image, ImageChops, ImageDraw

from pwrbot.pictures.fonts import Fonts, Weight
from pwrbot.pictures.palette import GROUND, TEXT, Colour
from pwrbot.pictures.text import Line, emoji, fit, rasterize, shape

Point = tuple[float, float]

_FINER = 4
"""Shapes are drawn so many times finer, then brought down: Pillow draws hard edges."""


class Canvas:
    """An opaque picture of ``width`` by ``height`` points.

    ``wanted`` is asked before each text and may raise, so that a drawing nobody waits for ends.
    """

    def __init__(
        self,
        fonts: Fonts,
        width: float,
        height: float,
        scale: float = 2.0,
        wanted: Callable[[], None] = lambda: None,
    ) -> None:
        self.width = width
        self.height = height
        self._fonts = fonts
        self._scale = scale
        self._wanted = wanted
        self._image = Image.new("RGB", (self._px(width), self._px(height)), GROUND)

    def text(
        self,
        x: float,
        base: float,
        text: str,
        size: float,
        colour: Colour = TEXT,
        *,
        weight: Weight = "medium",
        align: Literal["left", "middle", "right"] = "left",
        most: float | None = None,
        tall: float = 1.3,
    ) -> float:
        """Write a line whose base line is at ``base``; gives its width in points.

        Longer than ``most`` points, it is cut with an ellipsis. Nothing is drawn further than
        ``tall`` ems above the base line, or half as far below: heaped marks stay in their line.
        """
        self._wanted()
        pixels = size * self._scale
        if most is None:
            line = shape(self._fonts, text, pixels, weight)
        else:
            line = fit(self._fonts, text, pixels, most * self._scale, weight)
        share = {"left": 0.0, "middle": 0.5, "right": 1.0}[align]
        left = x * self._scale - line.width * share
        self._write(line, left, self._px(base), colour, pixels * tall)
        return line.width / self._scale

    def rectangle(
        self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0.0
    ) -> None:
        """A rectangle with round corners, at least a pixel wide and high."""
        left, top = self._px(x), self._px(y)
        wide, high = max(1, self._px(x + width) - left), max(1, self._px(y + height) - top)
        corner = min(self._px(radius), wide // 2, high // 2)
        mask = _rounded(wide, high, corner) if corner else None
        self._image.paste(colour, (left, top, left + wide, top + high), mask)

    def disc(self, x: float, y: float, size: float, picture: Image.Image) -> None:
        """A square picture, cut to a disc, in a square of so many points."""
        pixels = self._px(size)
        if picture.size != (pixels, pixels):
            picture = picture.resize((pixels, pixels), Image.Resampling.LANCZOS)
        corner = (self._px(x), self._px(y))
        self._image.paste(picture, corner, _rounded(pixels, pixels, pixels // 2))

    def line(
        self, points: Sequence[Point], colour: Colour, thickness: float, *, dashed: bool = False
    ) -> None:
        """A line through the points; a single one is a dot."""
        if not points:
            return
        edge = thickness + 1
        box = _box(points, edge)
        mask, pen, spot = self._finely(box)
        width = max(1, round(thickness * self._scale * _FINER))
        for part in _dashes(points) if dashed else [list(points)]:
            spots = [spot(point) for point in part]
            if len(spots) > 1:
                pen.line(spots, fill=255, width=width, joint="curve")
            for px, py in spots if not dashed else (spots[0], spots[-1]):
                pen.ellipse(
                    (px - width / 2, py - width / 2, px + width / 2, py + width / 2), fill=255
                )
        self._through(mask, box, colour)

    def shade(self, points: Sequence[Point], base: float, colour: Colour, strength: float) -> None:
        """Fill below a line down to ``base``, fading out on the way down."""
        if len(points) < 2:
            return
        top = min(y for _, y in points)
        box = (points[0][0], top, points[-1][0], base)
        if box[2] <= box[0] or box[3] <= box[1]:
            return
        mask, pen, spot = self._finely(box)
        around = [*points, (points[-1][0], base), (points[0][0], base)]
        pen.polygon([spot(point) for point in around], fill=255)
        mask = mask.reduce(_FINER)
        fade = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        fade = fade.resize(mask.size).point([round(value * strength) for value in range(256)])
        self._paste(colour, ImageChops.multiply(mask, fade), box)

    def png(self) -> bytes:
        """The drawing as a file."""
        self._wanted()
        out = io.BytesIO()
        self._image.save(out, "PNG", compress_level=6)
        return out.getvalue()

    def _write(self, line: Line, left: float, base: int, colour: Colour, tall: float) -> None:
        whole = int(left // 1)
        mask = rasterize(line, left - whole)
        if mask is not None:
            # What reaches out of the line above or below is cut off.
            above, below = round(-tall), round(tall / 2)
            top = max(mask.y, above)
            bottom = min(mask.y + mask.image.height, below)
            if top < bottom:
                image = mask.image
                if (top, bottom) != (mask.y, mask.y + image.height):
                    image = image.crop((0, top - mask.y, image.width, bottom - mask.y))
                x, y = whole + mask.x, base + top
                self._image.paste(colour, (x, y, x + image.width, y + image.height), image)
        for picture, x, y in emoji(line):
            self._image.paste(picture, (round(left + x), round(base + y)), picture)

    def _px(self, points: float) -> int:
        return round(points * self._scale)

    def _finely(
        self, box: tuple[float, float, float, float]
    ) -> tuple[Image.Image, ImageDraw.ImageDraw, Callable[[Point], Point]]:
        """A mask of a part of the drawing to draw on, and where a point lies on it."""
        left, top = self._px(box[0]), self._px(box[1])
        size = (max(1, self._px(box[2]) - left), max(1, self._px(box[3]) - top))
        mask = Image.new("L", (size[0] * _FINER, size[1] * _FINER))

        def spot(point: Point) -> Point:
            x, y = point[0] * self._scale - left, point[1] * self._scale - top
            return x * _FINER, y * _FINER

        return mask, ImageDraw.Draw(mask), spot

    def _through(
        self, mask: Image.Image, box: tuple[float, float, float, float], colour: Colour
    ) -> None:
        self._paste(colour, mask.reduce(_FINER), box)

    def _paste(
        self, colour: Colour, mask: Image.Image, box: tuple[float, float, float, float]
    ) -> None:
        x, y = self._px(box[0]), self._px(box[1])
        self._image.paste(colour, (x, y, x + mask.width, y + mask.height), mask)


@lru_cache(maxsize=256)
def _rounded(width: int, height: int, radius: int) -> Image.Image:
    mask = Image.new("L", (width * _FINER, height * _FINER))
    box = (0, 0, width * _FINER - 1, height * _FINER - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * _FINER, fill=255)
    return mask.reduce(_FINER)


def _box(points: Sequence[Point], edge: float) -> tuple[float, float, float, float]:
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across) - edge, min(down) - edge, max(across) + edge, max(down) + edge


def _dashes(points: Sequence[Point], length: float = 5.0) -> list[list[Point]]:
    """A line as dashes and, as long, gaps between them."""
    dashes: list[list[Point]] = [[points[0]]]
    drawn, on = 0.0, True
    for (x0, y0), (x1, y1) in pairwise(points):
        span = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        done = 0.0
        while span - done > length - drawn:
            done += length - drawn
            at = (x0 + (x1 - x0) * done / span, y0 + (y1 - y0) * done / span)
            drawn, on = 0.0, not on
            if on:
                dashes.append([at])
            else:
                dashes[-1].append(at)
        drawn += span - done
        if on:
            dashes[-1].append((x1, y1))
    return [dash for dash in dashes if len(dash) > 1]

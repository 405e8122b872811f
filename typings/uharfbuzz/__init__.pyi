"""What pwrbot uses of uharfbuzz, which has no types of its own."""

from collections.abc import Mapping
from typing import NamedTuple

class HarfBuzzError(Exception): ...

class Blob:
    data: bytes
    @classmethod
    def from_file_path(cls, filename: str) -> Blob: ...

class Face:
    upem: int
    glyph_count: int
    def __init__(self, blob: Blob) -> None: ...

class Font:
    def __init__(self, face: Face) -> None: ...
    def get_nominal_glyph(self, unicode: int) -> int | None: ...
    def get_glyph_color_png(self, glyph: int) -> Blob: ...

class GlyphInfo:
    codepoint: int
    cluster: int

class GlyphPosition:
    x_advance: int
    x_offset: int
    y_offset: int

class Buffer:
    direction: str
    glyph_infos: list[GlyphInfo]
    glyph_positions: list[GlyphPosition]
    def add_str(self, text: str, item_offset: int = 0, item_length: int = -1) -> None: ...
    def guess_segment_properties(self) -> None: ...

class RasterExtents(NamedTuple):
    x_origin: int
    y_origin: int
    width: int
    height: int
    stride: int

class RasterImage:
    buffer: bytes
    extents: RasterExtents

class RasterDraw:
    transform: tuple[float, float, float, float, float, float]
    def draw_glyph(self, font: Font, glyph: int) -> None: ...
    def render(self) -> RasterImage | None: ...

def shape(font: Font, buffer: Buffer, features: Mapping[str, bool] | None = None) -> None: ...

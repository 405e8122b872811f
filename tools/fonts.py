"""Make pwrbot/pictures/fonts/ from the Debian packages that its README names.

    python -m tools.fonts /usr/share/fonts pwrbot/pictures/fonts

It needs fonttools besides pwrbot's own packages, and is run once in years.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import io
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

SOURCE, TARGET = Path(sys.argv[1]), Path(sys.argv[2])
LATIN = [
    *range(0x20, 0x250), 0x259, *range(0x2B0, 0x530), *range(0x1E00, 0x2200),
    0x2212, 0x2248, 0x2260, 0x2264, 0x2265,
]  # fmt: skip


def han() -> list[int]:
    """What the national standards of Chinese, Japanese and Korean have, and all of Hangul."""
    blocks = [
        *range(0x2E80, 0x2FE0), *range(0x3000, 0x3100), *range(0x3100, 0x3130),
        *range(0x3130, 0x3190), *range(0x31A0, 0x3200), *range(0x3200, 0x3400),
        *range(0x1100, 0x1200), *range(0xAC00, 0xD7A4),
        *range(0xFE30, 0xFE50), *range(0xFF00, 0xFFF0),
    ]  # fmt: skip

    def known(code: int, codec: str) -> bool:
        try:
            raw = chr(code).encode(codec)
        except UnicodeEncodeError:
            return False
        # Big5: level 1, the characters in use, ends at C67E.
        return codec != "big5" or raw < b"\xc9"

    codecs = ("gb2312", "big5", "shift_jis", "euc_kr")
    rest = [*range(0x4E00, 0xA000), *range(0xF900, 0xFB00)]
    return blocks + [code for code in rest if any(known(code, codec) for codec in codecs)]


PHONETIC = [
    0x20, *range(0x250, 0x370), *range(0x1D00, 0x1E00), *range(0x2C60, 0x2C80),
    *range(0xA720, 0xA800), *range(0xAB30, 0xAB70),
]  # fmt: skip
SCRIPTS = (
    "Arabic Hebrew Devanagari Bengali Tamil Telugu Gujarati Gurmukhi Kannada Malayalam Oriya "
    "Sinhala Thai Lao Khmer Myanmar Georgian Armenian Ethiopic Cherokee CanadianAboriginal Syriac "
    "Thaana NKo Tifinagh OlChiki Javanese Balinese Sundanese Buginese Tagalog Runic Ogham Lisu "
    "Adlam Osmanya Vai Cham Coptic Glagolitic Gothic Phoenician Math Symbols Symbols2"
)


def cut(source: Path, target: str, unicodes: list[int] | None, *, number: int = -1) -> None:
    font = TTFont(source, fontNumber=number)
    options = subset.Options(
        hinting=False, desubroutinize=False, notdef_outline=True, name_IDs=[0, 1, 2, 13, 14],
        layout_features=["*"] if unicodes is None else
        ["ccmp", "locl", "mark", "mkmk", "kern", "liga", "tnum", "ljmo", "vjmo", "tjmo", "calt"],
        glyph_names=False, drop_tables=["DSIG", "vhea", "vmtx", "VORG", "BASE"],
    )  # fmt: skip
    if target.startswith("Inter"):
        options.layout_features.remove("calt")
    cutter = subset.Subsetter(options)
    chosen = unicodes if unicodes is not None else font.getBestCmap().keys()
    if "Symbols2" in target:  # not the rare ones beyond the basic plane
        chosen = [code for code in chosen if code < 0x10000 or 0x1F000 <= code < 0x1F900]
    cutter.populate(unicodes=chosen)
    cutter.subset(font)
    font.save(TARGET / target)
    print(target, (TARGET / target).stat().st_size)


def emoji(source: Path, target: str, size: int) -> None:
    font = TTFont(source)
    for strike in font["CBDT"].strikeData:
        for glyph in strike.values():
            picture = Image.open(io.BytesIO(glyph.imageData)).convert("RGBA")
            width, height = picture.size
            picture = picture.resize(
                (size * width // 128, size * height // 128), Image.Resampling.LANCZOS
            )
            out = io.BytesIO()
            picture.quantize(72, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
                out, "PNG", optimize=True
            )
            glyph.imageData = out.getvalue()
    font.save(TARGET / target)
    print(target, (TARGET / target).stat().st_size)


noto = SOURCE / "truetype/noto"
for weight in ("Medium", "SemiBold"):
    cut(SOURCE / f"opentype/inter/Inter-{weight}.otf", f"Inter-{weight}.otf", LATIN)
for script in SCRIPTS.split():
    cut(noto / f"NotoSans{script}-Regular.ttf", f"NotoSans{script}.ttf", None)
cut(noto / "NotoSans-Regular.ttf", "NotoSansPhonetic.ttf", PHONETIC)
cut(noto / "NotoSerifTibetan-Regular.ttf", "NotoSerifTibetan.ttf", None)
cut(SOURCE / "opentype/noto/NotoSansCJK-Regular.ttc", "NotoSansCJK.otf", han(), number=2)
emoji(noto / "NotoColorEmoji.ttf", "NotoColorEmoji.ttf", 48)

"""The typefaces, which come with pwrbot: a machine without fonts draws the same as any other.

They are mapped into memory, not read: what is never drawn stays on disk, and what was drawn is
the system's to take back. pwrbot/pictures/fonts/README.md says where they are from.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import Final, Literal

import uharfbuzz as hb

from pwrbot.pictures.names import is_regional
from pwrbot.pictures.picture import PictureUnavailable

DIRECTORY: Final = Path(__file__).parent / "fonts"

Weight = Literal["medium", "semibold"]

_INTER: Final[dict[Weight, str]] = {"medium": "Inter-Medium.otf", "semibold": "Inter-SemiBold.otf"}
_EMOJI: Final = "NotoColorEmoji.ttf"
_LAST: Final = (
    "NotoSansCJK.otf",
    "NotoSansMath.ttf",
    "NotoSansSymbols.ttf",
    "NotoSansSymbols2.ttf",
)
"""They have letters of other scripts too, so they are asked after those made for these."""
_REMEMBERED: Final = 20_000  # characters and their typeface

# The characters below U+1F000 that are emoji unless told otherwise (Emoji_Presentation, UTS #51).
_EMOJI_FIRST: Final = frozenset(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"  # noqa: RUF001
)


class FontsMissing(PictureUnavailable):
    """A font of pwrbot is missing or damaged, so there are no pictures: install pwrbot again."""


class Typeface:
    """One font file."""

    def __init__(self, path: Path) -> None:
        """Raises FontsMissing."""
        try:
            face = hb.Face(hb.Blob.from_file_path(str(path)))
        except (hb.HarfBuzzError, OSError, MemoryError):
            raise FontsMissing(f"{FontsMissing.__doc__} ({path.name})") from None
        self.font = hb.Font(face)
        self.em: int = face.upem
        self.colour = path.name == _EMOJI
        # Of a file that is no font, HarfBuzz makes one without glyphs.
        if not face.glyph_count:
            raise FontsMissing(f"{FontsMissing.__doc__} ({path.name})")

    def has(self, character: str) -> bool:
        return self.font.get_nominal_glyph(ord(character)) is not None


class Fonts:
    """All typefaces, each opened when it is first needed. For any number of threads."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory
        self._opened: dict[str, Typeface] = {}
        self._chosen: dict[tuple[str, Weight], Typeface | None] = {}
        self._others: list[str] | None = None
        self._lock = RLock()

    def choose(self, cluster: str, weight: Weight, before: Typeface | None) -> Typeface | None:
        """The typeface for a cluster, ``before`` (the one to its left) where that will do; None
        where there is none. Raises FontsMissing."""
        if _is_emoji(cluster) and (emoji := self._open(_EMOJI)).has(cluster[0]):
            return emoji
        common = not cluster[0].isalpha()
        if common and before is not None and not before.colour and before.has(cluster[0]):
            return before
        key = (cluster[0], weight)
        with self._lock:
            if key not in self._chosen:
                if len(self._chosen) >= _REMEMBERED:
                    self._chosen.clear()
                self._chosen[key] = self._search(*key)
            return self._chosen[key]

    def _search(self, character: str, weight: Weight) -> Typeface | None:
        for name in (_INTER[weight], *self._rest()):
            typeface = self._open(name)
            if typeface.has(character):
                return typeface
        return None

    def _rest(self) -> list[str]:
        if self._others is None:
            scripts = (path.name for path in self._directory.glob("NotoS*.[ot]tf"))
            self._others = [*sorted(set(scripts) - set(_LAST)), *_LAST, _EMOJI]
        return self._others

    def _open(self, name: str) -> Typeface:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = Typeface(self._directory / name)
            return self._opened[name]


def _is_emoji(cluster: str) -> bool:
    if "\ufe0e" in cluster:
        return False
    first = cluster[0]
    if "\ufe0f" in cluster or "\u20e3" in cluster or is_regional(first) or first in _EMOJI_FIRST:
        return True
    return 0x1F000 <= ord(first) <= 0x1FAFF

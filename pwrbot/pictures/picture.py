"""What a picture is, and how making one fails."""

from __future__ import annotations

import msgspec

from pwrbot.errors import PwrbotError

ALTERNATIVE_TEXT_LIMIT = 1024
"""Characters that Discord takes as a picture's description; counted here as UTF-16 units."""


class PictureUnavailable(PwrbotError):
    """No picture can be drawn at the moment: show the same as text."""


class Cancelled(Exception):
    """Whoever wanted the picture no longer does."""


class Picture(msgspec.Struct, frozen=True):
    """A PNG, and in words what it shows."""

    name: str
    """Of the file, with its ending."""
    png: bytes
    alternative_text: str
    """Several lines, the most telling first."""


def alternative_text(head: str, lines: list[str]) -> str:
    """As many of the lines as there is room for, and how many more there are."""
    text = _cut(head, ALTERNATIVE_TEXT_LIMIT)
    for number, line in enumerate(lines):
        rest = len(lines) - number
        more = f"\n... and {rest:,} more"
        longer = f"{text}\n{line}"
        room = ALTERNATIVE_TEXT_LIMIT - (_units(more) if rest > 1 else 0)
        if _units(longer) > room:
            return _cut(text, ALTERNATIVE_TEXT_LIMIT - _units(more)) + more
        text = longer
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, most: int) -> str:
    while _units(text) > most:
        text = text[: most - 1 if len(text) > most else -2] + "…"
    return text

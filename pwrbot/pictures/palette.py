"""Colours, for a ground of their own: the same on Discord's dark and light themes.

Amounts are steps of viridis and lines are Okabe and Ito's colours: both were made to be told apart
with any kind of colour blindness, and in grey. No colour says what nothing else says.
https://bids.github.io/colormap/ https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from typing import Final

Colour = tuple[int, int, int]

GROUND: Final[Colour] = (24, 26, 34)
RAISED: Final[Colour] = (37, 41, 54)
"""What is marked out, and cells without time."""
TRACK: Final[Colour] = (46, 50, 65)
"""The empty part of a bar; lines of a grid."""
TEXT: Final[Colour] = (242, 244, 248)
MUTED: Final[Colour] = (166, 173, 190)
BAR: Final[Colour] = (86, 180, 233)
PLACES: Final[tuple[Colour, ...]] = ((244, 203, 92), (205, 212, 224), (224, 158, 106))
"""Of the first three ranks."""
AMOUNTS: Final[tuple[Colour, ...]] = (
    (59, 82, 139),
    (38, 130, 142),
    (53, 183, 121),
    (144, 215, 67),
    (253, 231, 37),
)
"""From a little to the most."""
LINES: Final[tuple[Colour, ...]] = ((86, 180, 233), (230, 159, 0), (204, 121, 167))
"""The present period, then the ones before it."""
DISCS: Final[tuple[Colour, ...]] = (
    (0, 90, 145),
    (0, 112, 84),
    (156, 70, 12),
    (134, 62, 110),
    (78, 82, 140),
    (92, 92, 92),
)
"""Behind initials, for members without a picture."""


def amount(share: float) -> Colour:
    """The colour of a share of the most, from 0 to 1; nothing at all has one of its own."""
    if share <= 0:
        return RAISED
    return AMOUNTS[min(int(share * len(AMOUNTS)), len(AMOUNTS) - 1)]

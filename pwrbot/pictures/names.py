"""Text that somebody else chose, made fit to be drawn on one line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

NAMELESS = "(no name)"
"""What is drawn for a name in which there is nothing to see."""

_MOST = 200  # characters; Discord's names have at most 32
_MOST_MARKS = 3  # on one letter: more of them is noise piled on its neighbours
_JOINERS = "\u200c\u200d"
_TAGS = range(0xE0020, 0xE0080)  # they spell flags such as Scotland's
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u00ad\u034f")
"""Characters that show nothing, though Unicode calls them letters or symbols."""


def one_line(text: str, *, otherwise: str = NAMELESS) -> str:
    """The text without what cannot be drawn, or would draw over others: control characters, marks
    that change direction, line breaks, heaps of combining marks. ``otherwise`` where nothing is
    left to see."""
    kept: list[str] = []
    marks, seen = 0, False
    for character in text[:_MOST]:
        kind = unicodedata.category(character)
        if character in _BLANK or kind in ("Zs", "Zl", "Zp") or character in "\t\n\v\f\r\x85":
            if kept and kept[-1] != " ":
                kept.append(" ")
            marks = 0
            continue
        if kind == "Cf" and character not in _JOINERS and ord(character) not in _TAGS:
            continue
        if kind in ("Cc", "Cs"):
            continue
        if kind in ("Mn", "Me") and not is_selector(character):
            marks += 1
            if marks > _MOST_MARKS or not kept:
                continue
        elif kind != "Cf":
            marks, seen = 0, True
        kept.append(character)
    return "".join(kept).strip() if seen else otherwise


def clusters(text: str) -> Iterator[str]:
    """What readers take for one character each: a letter and its marks, an emoji and its parts."""
    start = 0
    for index in range(1, len(text)):
        if not _continues(text, index, start):
            yield text[start:index]
            start = index
    if text:
        yield text[start:]


def initials(name: str) -> str:
    """One or two letters, or a digit, that stand for a name; empty where it has neither."""
    words = [
        next((part for part in clusters(word) if unicodedata.category(part[0])[0] == "L"), "")
        for word in name.split()
    ]
    letters = [word for word in words if word]
    if not letters:
        return next((character for character in name if character.isdigit()), "")
    first, last = letters[0], letters[-1]
    if len(letters) > 1 and unicodedata.category(first[0]) in ("Lu", "Ll"):
        return (first + last).upper()
    return first.upper()


def is_selector(character: str) -> bool:
    """Whether it chooses among the shapes of the character before it."""
    return "\ufe00" <= character <= "\ufe0f"


def is_regional(character: str) -> bool:
    """Whether it is one of the letters that pairs of flags are spelt with."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _continues(text: str, index: int, start: int) -> bool:
    character = text[index]
    code = ord(character)
    if unicodedata.category(character) in ("Mn", "Me", "Mc") or character in _JOINERS:
        return True
    if text[index - 1] == "\u200d" and code > 0x2000 and ord(text[start]) > 0x2000:
        return True
    if 0x1F3FB <= code <= 0x1F3FF or code in _TAGS or code == 0x20E3:
        return True
    return is_regional(character) and index - start == 1 and is_regional(text[start])

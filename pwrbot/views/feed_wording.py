"""What feeds say, as it may stand in a message: shortened, without power, and linked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

NAME_LIMIT: Final = 70
"""Characters of a name or a title in a list."""


def third_party(text: str, limit: int = NAME_LIMIT) -> str:
    """One line of somebody else's words, which can neither format, link, mention nor ping."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    # A backslash before @ would do, but whoever copies the text would ping.
    return _SIGNS.sub(r"\\\g<0>", line).replace("@", "@\u200b")


def link(name: str, url: str | None, limit: int = NAME_LIMIT) -> str:
    """A name that leads to a URL and shows no preview; only the name where there is no URL."""
    shown = third_party(name, limit) or "(without a name)"
    if url is None or not url.startswith(("http://", "https://")):
        return shown
    target = _ENDS.sub(lambda match: f"%{ord(match[0]):02X}", url)
    if len(target) > _LONGEST_URL:
        return shown
    # A name that reads as an address does not lead elsewhere.
    return f"{shown} (<{target}>)" if "://" in name else f"[{shown}](<{target}>)"


def fit(lines: Sequence[str], limit: int = 3600) -> list[str]:
    """The lines, the last ones left out where they are more than a message holds."""
    kept: list[str] = []
    for line in lines:
        limit -= len(line) + 1
        if limit < 0:
            return [*kept, f"-# {len(lines) - len(kept):,} more not shown"]
        kept.append(line)
    return kept


def warned(text: str, warning: str) -> str:
    """A text with what to be warned of below it, where there is something."""
    return f"{text}\n⚠️ {warning}" if warning else text


def code(text: str, limit: int = NAME_LIMIT) -> str:
    """What a member typed, as it is."""
    line = " ".join(text.split()).replace("`", "'")
    return f"`{line if len(line) <= limit else line[: limit - 1] + '…'}`"


_SIGNS: Final = re.compile(r"[\\*_~|`<>\[\]()#:]")
_ENDS: Final = re.compile(r"[<>()\s\\]")
_LONGEST_URL: Final = 200
"""So that a page of links stays within the 4,000 characters of a message."""

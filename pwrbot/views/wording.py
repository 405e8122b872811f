"""Durations, ranks, moments and names as members read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import discord

from pwrbot.people import Person

_SECOND = timedelta(seconds=1)


def duration(time: timedelta) -> str:
    """A length of time, rounded down: ``3 h 02 min``, ``12 min 05 s``, ``45 s``.

    Hours are not folded into days, so that long and short times compare at a glance.
    """
    seconds = time // _SECOND
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``, ..."""
    last = number % 10
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{number}{ending}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 session``, ``2 sessions``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(time: datetime, style: Literal["t", "d", "f", "R"] = "f") -> str:
    """A moment that each reader sees in their own time zone."""
    return f"<t:{int(time.timestamp())}:{style}>"


def mention(user_id: int) -> str:
    """A member, known by mention: it shows a name for those who left, too, and pings nobody."""
    return f"<@{user_id}>"


def named(user_id: int, who: Person) -> str:
    """A member by mention; who left by name, and as such."""
    return f"{plain(who.name)} (left the server)" if who.left else mention(user_id)


def plain(name: str) -> str:
    """A name somebody else chose, without the power to format or to mention."""
    return discord.utils.escape_mentions(discord.utils.escape_markdown(name))

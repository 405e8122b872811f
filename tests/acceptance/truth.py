"""What really happened, kept by the test: how long each member was there for the bot to see.

Each act in the sandbox is known to have happened between two moments, before and after it was sent.
So is the bot's time: it may have seen the guild from ``began`` on, it certainly did from ``seen``
on, and it saw nothing after ``ended``. From these follow two bounds of the time a member has to be
credited with:

    least   from the end of each arrival to the beginning of each departure, within [seen, ended]
    most    from the beginning of each arrival to the end of each departure, within [began, ended]

A bot that is down sees nobody: who stays connected meanwhile gets nothing for that gap. Moments are
of this machine's clock, which the bot reads too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pwrbot.sandbox import Guild, Member


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Watch:
    """A stretch during which a bot watched. ``seen`` None: it never got that far."""

    began: datetime
    seen: datetime | None = None
    ended_from: datetime | None = None
    """The last moment at which it was certainly watching."""
    ended: datetime | None = None
    """The first at which it certainly was not."""


@dataclass
class _Turn:
    """A member began or ceased to count, between two moments."""

    counts: bool
    earliest: datetime
    latest: datetime


@dataclass
class Truth:
    """Who was in a voice channel that counts, from when to when."""

    guild: Guild
    _turns: defaultdict[int, list[_Turn]] = field(default_factory=lambda: defaultdict(list))

    async def join(self, who: str, channel: str, *, silent: bool = False, **flags: bool) -> None:
        """Join or move. Time in the AFK channel does not count, nor does a bot's."""
        async with self._acting(who):
            await self.guild.join(who, channel, silent=silent, **flags)

    async def leave(self, who: str, *, silent: bool = False) -> None:
        async with self._acting(who):
            await self.guild.leave(who, silent=silent)

    def place(self, who: str, channel: str) -> None:
        """Be there, without an event."""
        before = now()
        self.guild.place(who, channel)
        self._note(self.guild.member(who), before)

    def bounds(self, user_id: int, watch: Watch) -> tuple[float, float]:
        """The least and the most seconds a member is to be credited with from this watch."""
        assert watch.ended is not None
        least = most = 0.0
        turns = self._turns[user_id]
        last = _Turn(False, watch.ended, watch.ended)
        for turn, after in zip(turns, [*turns[1:], last], strict=False):
            if not turn.counts:
                continue
            if watch.seen is not None and watch.ended_from is not None:
                until = min(after.earliest, watch.ended_from)
                least += max(0.0, (until - max(turn.latest, watch.seen)).total_seconds())
            most += max(0.0, _overlap(turn.earliest, after.latest, watch.began, watch.ended))
        return least, most

    @asynccontextmanager
    async def _acting(self, who: str) -> AsyncIterator[None]:
        before = now()
        yield
        self._note(self.guild.member(who), before)

    def _note(self, member: Member, before: datetime) -> None:
        voice = member.voice
        counts = (
            voice is not None
            and voice.channel is not self.guild.afk_channel
            and not member.user.bot
        )
        turns = self._turns[member.id]
        if counts != (bool(turns) and turns[-1].counts):
            turns.append(_Turn(counts, before, now()))


def _overlap(a: datetime, b: datetime, c: datetime, d: datetime) -> float:
    return (min(b, d) - max(a, c)).total_seconds()

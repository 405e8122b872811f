"""Time in voice added up by the database as sessions are stored, by triggers of 0005.voice_rollups.

Read only, but for ``clear`` and ``rebuild``, which mend what was altered by hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from pwrbot.entities import (
    VoiceChannelTotal,
    VoiceDifference,
    VoiceHour,
    VoiceMemberTotal,
    VoiceSegment,
    VoiceStretch,
)
from pwrbot.repository.table import Table


class VoiceSegments(Table[VoiceSegment, tuple[int, int, int, datetime, int]], Protocol):
    """Sessions cut at midnight UTC."""

    async def together(
        self, *, guild_id: int, days: list[int], since: datetime, until: datetime
    ) -> timedelta | None: ...

    async def guilds(self) -> list[int]: ...

    async def wrong(self, *, guild_id: int) -> list[VoiceDifference]: ...

    async def clear(self, *, guild_id: int) -> int: ...

    async def rebuild(self, *, guild_id: int) -> None: ...


class VoiceMemberTotals(Table[VoiceMemberTotal, tuple[int, int, int]], Protocol):
    """Each member's time by day, month, year and for all time."""

    async def wrong(self, *, guild_id: int) -> list[VoiceDifference]: ...

    async def clear(self, *, guild_id: int) -> int: ...


class VoiceChannelTotals(Table[VoiceChannelTotal, tuple[int, int, int]], Protocol):
    """The time spent in each channel by day and month."""

    async def wrong(self, *, guild_id: int) -> list[VoiceDifference]: ...

    async def clear(self, *, guild_id: int) -> int: ...


class VoiceHours(Table[VoiceHour, tuple[int, int]], Protocol):
    """The time spent by all members of a guild together, by quarters of an hour."""

    async def between(
        self, *, guild_id: int, first_hour: int, last_hour: int
    ) -> list[VoiceHour]: ...

    async def at(self, *, guild_id: int, hours: list[int]) -> list[VoiceHour]: ...

    async def totals(
        self, *, guild_id: int, first_hours: list[int], last_hours: list[int]
    ) -> list[VoiceStretch]: ...

    async def wrong(self, *, guild_id: int) -> list[VoiceDifference]: ...

    async def clear(self, *, guild_id: int) -> int: ...

"""Time in voice: the sessions that run and those that ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from pwrbot.entities import (
    OpenVoiceSession,
    VoiceChannelTime,
    VoicePartner,
    VoiceSession,
    VoiceSpan,
    VoiceTally,
    VoiceTotal,
)
from pwrbot.repository.table import Table


class OpenVoiceSessions(Table[OpenVoiceSession, tuple[int, int]], Protocol):
    """Who is being counted right now: at most one session per guild and member."""

    async def in_guild(self, *, guild_id: int) -> list[OpenVoiceSession]: ...

    async def open(
        self,
        *,
        guild_ids: list[int],
        user_ids: list[int],
        channel_ids: list[int],
        joined_ats: list[datetime],
    ) -> int: ...

    async def restart(
        self, *, guild_id: int, user_id: int, joined_at: datetime, now: datetime
    ) -> int: ...

    async def remove(self, *, guild_ids: list[int], user_ids: list[int]) -> int: ...

    async def remove_all(
        self,
        *,
        shard_count: int,
        shard_ids: list[int],
        former_count: int,
        former_ids: list[int],
    ) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...


class VoiceSessions(Table[VoiceSession, tuple[int, int, datetime]], Protocol):
    """Who was in which voice channel, from when to when."""

    async def add(
        self,
        *,
        guild_ids: list[int],
        user_ids: list[int],
        joined_ats: list[datetime],
        channel_ids: list[int],
        left_ats: list[datetime],
    ) -> int: ...

    async def end(
        self,
        *,
        guild_ids: list[int],
        user_ids: list[int],
        left_ats: list[datetime],
        longest: timedelta,
    ) -> int: ...

    async def end_all(
        self,
        *,
        shard_count: int,
        shard_ids: list[int],
        former_count: int,
        former_ids: list[int],
        left_at: datetime,
        longest: timedelta,
    ) -> int: ...

    async def leaderboard(
        self,
        *,
        guild_id: int,
        since: datetime,
        until: datetime,
        now: datetime,
        added: list[int],
        taken: list[int],
        first_year: int,
        last_year: int,
        edges: list[int],
        least: timedelta,
        hide_left: bool,
        viewer_id: int | None,
        limit: int,
        offset: int,
    ) -> list[VoiceTotal]: ...

    async def channels(
        self,
        *,
        guild_id: int,
        since: datetime,
        until: datetime,
        now: datetime,
        first_month: int,
        last_month: int,
        days: list[int],
        edges: list[int],
        least: timedelta,
        limit: int,
        offset: int,
    ) -> list[VoiceChannelTime]: ...

    async def partners(
        self,
        *,
        guild_id: int,
        user_id: int,
        since: datetime,
        until: datetime,
        now: datetime,
        limit: int,
        offset: int,
    ) -> list[VoicePartner]: ...

    async def spans(
        self, *, guild_id: int, user_id: int, since: datetime, until: datetime, now: datetime
    ) -> list[VoiceSpan]: ...

    async def taken(
        self, *, guild_id: int, user_id: int, since: datetime, until: datetime
    ) -> list[VoiceSpan]: ...

    async def tallies(
        self,
        *,
        guild_id: int,
        user_id: int | None,
        channel_id: int | None,
        since: datetime | None,
        until: datetime,
    ) -> list[VoiceTally]: ...

    async def nth_start(
        self,
        *,
        guild_id: int,
        user_id: int,
        channel_id: int | None,
        since: datetime | None,
        until: datetime,
        limit: int,
        offset: int,
    ) -> list[datetime]: ...

    async def across(
        self,
        *,
        guild_id: int,
        day: int,
        moment: datetime,
        user_id: int | None,
        channel_id: int | None,
    ) -> list[VoiceSession]: ...

    async def forget(
        self,
        *,
        guild_id: int,
        user_ids: list[int],
        channel_id: int | None,
        since: datetime | None,
        until: datetime,
    ) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

    async def overlapping(
        self, *, guild_id: int, user_ids: list[int], since: datetime, until: datetime
    ) -> list[VoiceSession]: ...

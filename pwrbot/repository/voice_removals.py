"""Resets, and the sessions they took."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from pwrbot.entities import VoiceRemoval, VoiceRemovedSession
from pwrbot.repository.table import Table


class VoiceRemovals(Table[VoiceRemoval, tuple[int, int]], Protocol):
    """Every reset of the last day, and those that are not done yet."""

    async def latest(self, *, guild_id: int) -> VoiceRemoval | None: ...

    async def under_way(self, *, guild_id: int) -> int: ...

    async def unfinished(self, *, shard_count: int, shard_ids: list[int]) -> list[VoiceRemoval]: ...

    async def expired(
        self, *, earliest: datetime, shard_count: int, shard_ids: list[int]
    ) -> list[VoiceRemoval]: ...

    async def advance(
        self, *, guild_id: int, removal_id: int, phase: str, next_phase: str
    ) -> int: ...

    async def add(
        self, *, guild_id: int, removal_id: int, sessions: int, total: timedelta
    ) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

    async def forget_asker(self, *, asked_by: int) -> int: ...


class VoiceRemovedSessions(Table[VoiceRemovedSession, tuple[int, int, int, datetime]], Protocol):
    """What undo puts back."""

    async def take(
        self,
        *,
        guild_id: int,
        removal_id: int,
        user_ids: list[int],
        channel_id: int | None,
        since: datetime | None,
        until: datetime,
    ) -> int: ...

    async def page(
        self, *, guild_id: int, removal_id: int, limit: int
    ) -> list[VoiceRemovedSession]: ...

    async def drop_through(
        self, *, guild_id: int, removal_id: int, user_id: int, joined_at: datetime
    ) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

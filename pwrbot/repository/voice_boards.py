"""Boards that channels get by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pwrbot.entities import VoiceBoard
from pwrbot.repository.table import Table


class VoiceBoards(Table[VoiceBoard, tuple[int, int, str]], Protocol):
    """At most one of each kind in a channel."""

    async def of_guild(self, *, guild_id: int) -> list[VoiceBoard]: ...

    async def due(
        self,
        *,
        now: datetime,
        beyond: datetime,
        live_beyond: datetime,
        shard_count: int,
        shard_ids: list[int],
        limit: int,
    ) -> list[VoiceBoard]: ...

    async def claim(
        self,
        *,
        guild_id: int,
        channel_id: int,
        kind: str,
        next_at: datetime,
        then_at: datetime,
    ) -> int: ...

    async def note(
        self,
        *,
        guild_id: int,
        channel_id: int,
        kind: str,
        message_id: int | None,
        shown: str | None,
        problem: str | None,
    ) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

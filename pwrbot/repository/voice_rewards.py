"""Roles for time in voice: the rules, and who holds a role because of one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pwrbot.entities import VoiceReward, VoiceRewardHolder
from pwrbot.repository.table import Table


class VoiceRewards(Table[VoiceReward, tuple[int, int]], Protocol):
    """At most one rule for each role."""

    async def of_guild(self, *, guild_id: int) -> list[VoiceReward]: ...

    async def due(
        self, *, now: datetime, beyond: datetime, shard_count: int, shard_ids: list[int], limit: int
    ) -> list[VoiceReward]: ...

    async def settle(
        self, *, guild_id: int, role_id: int, due_at: datetime, problem: str | None
    ) -> int: ...

    async def switch(
        self, *, guild_id: int, role_id: int, enabled: bool, ending: bool, due_at: datetime
    ) -> int: ...

    async def drop_ending(self, *, guild_id: int, role_id: int) -> int: ...


class VoiceRewardHolders(Table[VoiceRewardHolder, tuple[int, int, int]], Protocol):
    """Who has earned which role."""

    async def of_reward(self, *, guild_id: int, role_id: int) -> list[VoiceRewardHolder]: ...

    async def clear(self, *, guild_id: int, role_id: int) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

"""Members who were found to have left."""

from __future__ import annotations

from typing import Protocol

from pwrbot.entities import VoiceDeparture
from pwrbot.repository.table import Table


class VoiceDepartures(Table[VoiceDeparture, tuple[int, int]], Protocol):
    """Who left which server, as far as the bot has come to know."""

    async def among(self, *, guild_id: int, user_ids: list[int]) -> list[VoiceDeparture]: ...

    async def oldest(
        self, *, shard_count: int, shard_ids: list[int], limit: int
    ) -> list[VoiceDeparture]: ...

    async def forget_returned(self) -> int: ...

    async def forget_user(self, *, user_id: int) -> int: ...

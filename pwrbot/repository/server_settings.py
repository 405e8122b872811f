"""What each server chose."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pwrbot.entities import ServerSettings, Settings
from pwrbot.repository.table import Table


class ServerSettingsTable(Table[ServerSettings, int], Protocol):
    """One document of settings per guild."""

    async def save(
        self, *, guild_id: int, settings: Settings, version: int, now: datetime
    ) -> ServerSettings | None: ...

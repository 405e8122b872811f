"""What the bot remembers about itself."""

from __future__ import annotations

from typing import Protocol

from pwrbot.entities import BotMeta
from pwrbot.repository.table import Table


class BotMetaTable(Table[BotMeta, str], Protocol):
    """Notes by their key."""

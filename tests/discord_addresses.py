"""discord.py keeps its addresses for the whole process: a test that changes them puts them back."""

from __future__ import annotations

import discord.http
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route


def keep_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back the addresses that discord.py keeps for the whole process."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    monkeypatch.setattr(discord.http, "INTERNAL_API_VERSION", 10)

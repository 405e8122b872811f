"""A sandbox with one guild, and the bot connected to it with an empty SQLite database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.repository import Repository
from pwrbot.sandbox import MANAGE_GUILD, Guild, Sandbox
from tests.discord_addresses import keep_addresses
from tests.live_bot import LiveBot, live_bot


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(reaction=0.0) as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    guild = sandbox.add_guild(
        "Home",
        members=["ada", "bob", "cy"],
        voice_channels=["Lounge", "Games"],
        afk_channel="AFK",
    )
    guild.add_member("boss", permissions=MANAGE_GUILD)
    return guild


@pytest.fixture
async def sqlite_repository(migrated_sqlite_url: str) -> AsyncIterator[Repository]:
    opened = await Repository.open(migrated_sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def live(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository
) -> AsyncIterator[LiveBot]:
    async with live_bot(sandbox, sqlite_repository) as made:
        yield made

"""A sandbox with one guild, and the sample bot connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.sandbox import Guild, Sandbox
from tests.discord_addresses import keep_addresses
from tests.sandbox.sample_bot import SampleBot, running


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(reaction=0.05) as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    return sandbox.add_guild(
        "Home",
        members=["ada", "bob", "cy"],
        voice_channels=["Lounge", "Games"],
        afk_channel="AFK",
    )


@pytest.fixture
async def bot(sandbox: Sandbox, guild: Guild) -> AsyncIterator[SampleBot]:
    async with running(sandbox) as made:
        yield made

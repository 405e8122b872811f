"""The bot of the other commands' tests, with feeds to read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox
from tests.cogs.feeds.asking import BLOG, NEWS
from tests.fake_feeds import FakeFeeds
from tests.live_bot import LiveBot, live_bot


@pytest.fixture
def feeds() -> FakeFeeds:
    fake = FakeFeeds()
    fake.add(NEWS, "News")
    fake.add(BLOG, "A *blog* @everyone")
    return fake


@pytest.fixture
async def live(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository, feeds: FakeFeeds
) -> AsyncIterator[LiveBot]:
    async with live_bot(sandbox, sqlite_repository, feeds=feeds) as made:
        yield made

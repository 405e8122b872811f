"""The real bot in this process, connected to a sandbox: for tests of everything Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pwrbot.bot import Bot
from pwrbot.clock import Clock, ManualClock
from pwrbot.discord_api import use_api
from pwrbot.entities import VoiceSession
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Reply, Sandbox
from pwrbot.services.feeds import FeedService, FeedSource
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice import VoiceTracker
from tests.fake_feeds import FakeFeeds

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)


class LiveBot(msgspec.Struct):
    """A bot, the sandbox it is connected to, and what both stand on."""

    sandbox: Sandbox
    bot: Bot
    repository: Repository
    clock: Any
    tracker: VoiceTracker

    async def heard(self, guild: Guild) -> None:
        """Return once the bot has taken, and stored, all that the sandbox has told it so far.

        The gateway keeps its order: once a command is answered, everything before it was read.
        """
        await self.sandbox.invoke(guild, guild.owner, "about")
        await self.tracker.drain()

    async def ask(self, guild: Guild, who: Any, command: str, **options: Any) -> Reply:
        return await self.sandbox.invoke(guild, who, command, options=options)


def make_bot(
    repository: Repository, clock: Clock, feeds: FeedSource | None = None, **options: Any
) -> Bot:
    settings = SettingsService(repository, clock)
    return Bot(
        repository,
        settings,
        VoiceStatistics(repository, clock, settings),
        VoiceTracker(repository, clock, settings),
        FeedService(repository, clock, feeds or FakeFeeds()),
        clock,
        **options,
    )


@asynccontextmanager
async def live_bot(
    sandbox: Sandbox, repository: Repository, clock: Clock | None = None, **options: Any
) -> AsyncIterator[LiveBot]:
    """Logged in, connected and told of every guild; closed at the end, whatever happened."""
    use_api(sandbox.api_url)
    clock = clock or ManualClock(NOW)
    bot = make_bot(repository, clock, **options)
    async with bot:
        await bot.login(sandbox.token)
        connection = asyncio.create_task(bot.connect())
        await sandbox.wait_ready()
        live = LiveBot(sandbox, bot, repository, clock, bot.tracker)
        for guild in sandbox.guilds.values():
            if guild.bot_present and guild.available:
                await live.heard(guild)
        try:
            yield live
        finally:
            await bot.wind_down(5)
            await bot.tracker.stop(clock.now())
            await bot.close()
            await asyncio.wait_for(connection, 5)


def session(
    guild: Guild, who: str, channel: str, hours: float, *, ago: float, now: datetime = NOW
) -> VoiceSession:
    """So many hours in a channel that ended so many hours ago."""
    left = now - timedelta(hours=ago)
    return VoiceSession(
        guild_id=guild.id,
        user_id=guild.member(who).id,
        joined_at=left - timedelta(hours=hours),
        channel_id=guild.channel(channel).id,
        left_at=left,
    )

"""The feeds' part of the running bot: poller, outbox and upkeep, started and stopped together."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from secrets import token_hex

import discord
import structlog

from pwrbot.clock import Clock
from pwrbot.config import Config
from pwrbot.feed_sender import FeedSender
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_outbox import FeedOutbox
from pwrbot.services.feed_poller import FeedPoller, PollSource
from pwrbot.services.feed_schedule import Rhythm
from pwrbot.services.feed_upkeep import FeedUpkeep
from pwrbot.services.settings import SettingsService
from pwrbot.shards import ALL

log = structlog.get_logger(__name__)


class FeedWork:
    """Polls and sends while ``run`` runs, through a client that has logged in."""

    def __init__(
        self,
        config: Config,
        repository: Repository,
        clock: Clock,
        settings: SettingsService,
        source: PollSource,
        client: discord.Client,
    ) -> None:
        self._enabled = config.feeds_enabled
        process = token_hex(8)
        sender = FeedSender(client, config.shards or ALL)
        self._outbox = FeedOutbox(repository, clock, settings, sender, process=process)
        self._poller = FeedPoller(
            repository,
            clock,
            source,
            process=process,
            rhythm=Rhythm(
                timedelta(seconds=config.feed_min_interval_seconds),
                timedelta(seconds=config.feed_max_interval_seconds),
            ),
            found=self._outbox.wake,
        )
        self._upkeep = FeedUpkeep(repository, clock, timedelta(days=config.feed_retention_days))

    async def run(self) -> None:
        """Work until cancelled; nothing at all where FEEDS_ENABLED is off."""
        if not self._enabled:
            log.info("feeds_off")
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            for work in (self._poller, self._outbox, self._upkeep):
                group.create_task(work.run())

    async def stop(self, seconds: float) -> None:
        """Messages under way may arrive, at most that long; all else stays for the next start."""
        await asyncio.gather(self._stop_polling(), self._outbox.stop(seconds))

    async def _stop_polling(self) -> None:
        try:
            await self._poller.stop()
        except DatabaseError as error:  # what it holds is due again once its claims end
            log.warning("feeds_not_released", error=f"{type(error).__name__}: {error}")

"""The Discord client: what it listens to, what it carries for its commands, how it stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import discord
import structlog
from discord.ext import commands

from pwrbot.chores import Chores
from pwrbot.clock import Clock
from pwrbot.cogs.about import About
from pwrbot.cogs.feeds import Feeds
from pwrbot.cogs.settings import ServerSettings
from pwrbot.cogs.voice import Voice
from pwrbot.commands import CommandTree, sync_commands
from pwrbot.config import CommandSync
from pwrbot.discord_api import use_gateway
from pwrbot.discord_cache import renew_roles, survive_unreadable
from pwrbot.discord_guilds import DiscordGuilds
from pwrbot.gateway import VoiceGateway
from pwrbot.in_flight import InFlight
from pwrbot.people import People
from pwrbot.pictures import AvatarCache, Studio
from pwrbot.replies import Interaction
from pwrbot.repository import Repository
from pwrbot.services.activity import VoiceActivity
from pwrbot.services.feed_presence import FeedPresence
from pwrbot.services.feeds import FeedService
from pwrbot.services.preferences import PreferenceService
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice import VoiceTracker
from pwrbot.services.voice_boards import VoiceBoards
from pwrbot.services.voice_calendar import VoiceCalendar
from pwrbot.services.voice_reset import VoiceReset
from pwrbot.services.voice_rewards import VoiceRewards
from pwrbot.shards import ALL, Shards
from pwrbot.views.boards import TIMEOUT, Boards
from pwrbot.views.cards import Cards
from pwrbot.views.resets import Resets

log = structlog.get_logger(__name__)

_LAST_WORDS_SECONDS = 3.0
"""For telling members that their command was broken off."""


class Bot(commands.AutoShardedBot):
    """pwrbot on Discord. It needs no privileged intent and reads no messages.

    ``shards``: those to connect, None for all, as many as Discord advises. Without a ``studio`` all
    answers are text. ``engine_description`` and ``schema_version`` are what /about says of the
    database.
    """

    def __init__(
        self,
        repository: Repository,
        settings: SettingsService,
        statistics: VoiceStatistics,
        tracker: VoiceTracker,
        feeds: FeedService,
        clock: Clock,
        *,
        shards: Shards | None = None,
        command_sync: CommandSync = "changed",
        feeds_enabled: bool = True,
        board_timeout: timedelta = TIMEOUT,
        engine_description: str = "",
        schema_version: str = "",
        studio: Studio | None = None,
        avatars: AvatarCache | None = None,
    ) -> None:
        # The bot never speaks, so what that would need is nothing to warn of.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        intents = discord.Intents(guilds=True, voice_states=True)
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            tree_cls=CommandTree,
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.from_intents(intents),
            chunk_guilds_at_startup=False,
            max_messages=None,
            **_own(shards),
        )
        renew_roles(self)
        survive_unreadable(self)
        self.repository = repository
        self.settings = settings
        self.statistics = statistics
        self.tracker = tracker
        self.feeds = feeds
        self.feeds_enabled = feeds_enabled
        self.clock = clock
        self.own_shards = shards
        self.engine_description = engine_description
        self.schema_version = schema_version
        self.started_at = clock.now()
        self.stopping = False
        self.in_flight = InFlight()
        self.voice_calendar = VoiceCalendar(VoiceActivity(repository, clock, settings))
        self.preferences = PreferenceService(repository, clock)
        self._studio = studio
        self._avatars = avatars or AvatarCache(clock)
        own = shards or ALL
        self.people = People(self, repository, clock, own)
        self.cards = studio and Cards(studio, self._avatars, self.people)
        self.boards = Boards(clock, self.in_flight, board_timeout)
        self.voice_gateway = VoiceGateway(self, tracker, clock)
        self.voice_rewards = VoiceRewards(repository, clock, settings, statistics, own)
        self.voice_boards = VoiceBoards(repository, clock, settings, statistics, own)
        self.voice_reset = VoiceReset(repository, clock, own)
        self.feed_presence = FeedPresence(repository, clock, own)
        self.resets = Resets(self.voice_reset, clock, self.in_flight)
        self.guild_door = DiscordGuilds(self, self.people)
        self.chores = Chores(self)
        self._command_sync: CommandSync = command_sync

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        # Before any listener: they run later, on live objects that have moved on by then.
        self.voice_gateway.take(event_name, args)
        super().dispatch(event_name, *args, **kwargs)

    async def setup_hook(self) -> None:
        await use_gateway(self.http)
        if not self.cogs:
            for cog in (Voice(self), Feeds(self), ServerSettings(self), About(self)):
                await self.add_cog(cog)
        # Of a fleet one process announces the commands, so that no two do it at the same moment.
        announces = self.own_shards is None or 0 in self.own_shards.ids
        if self.application_id is not None and announces:
            await sync_commands(self.tree, self.repository, self.application_id, self._command_sync)

    async def on_ready(self) -> None:
        """Also after a session had to begin anew."""
        log.info(
            "bot_ready", guilds=len(self.guilds), shards=str(self.own_shards or self.shard_count)
        )

    async def on_interaction(self, interaction: Interaction) -> None:
        await self.boards.take(interaction)
        await self.resets.take(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("event_failed", gateway_event=event_method)

    async def close(self) -> None:
        try:
            if self._studio is not None:
                self._studio.close()
            self.people.close()
            await self._avatars.close()
        finally:
            await super().close()

    async def wind_down(self, seconds: float) -> bool:
        """Take no more commands and no more voice events, and let the commands under way finish.

        Says whether they did within so many seconds; those that did not are broken off. Sessions
        can be ended after this.
        """
        self.stopping = self.boards.closing = True
        self.voice_gateway.stop()
        drained = await self.in_flight.drained(seconds)
        if not drained:
            log.warning("commands_abandoned", commands=len(self.in_flight))
        await asyncio.gather(self.in_flight.cancel(_LAST_WORDS_SECONDS), self.boards.close())
        await self.resets.close()
        return drained


def _own(shards: Shards | None) -> dict[str, Any]:
    """discord.py's words for them."""
    return {} if shards is None else {"shard_ids": list(shards.ids), "shard_count": shards.count}

"""What the gateway says about voice, copied the moment it says it and handed on in that order.

discord.py gives listeners the live cache entry and runs them later: a join, a move and a leave that
arrive together would all read as the leave. So the bot's ``dispatch`` comes here first, which is
synchronous, and what goes on to the tracker are values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import discord
import structlog

from pwrbot.clock import Clock
from pwrbot.discord_cache import connected, forget_guild, forget_voice_states, role_ids
from pwrbot.services.voice import VoiceTracker
from pwrbot.services.voice_state import GuildVoice, VoiceState

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 5.0
ASLEEP: Final = timedelta(seconds=30)
"""More than that between two ticks is no busy moment: the process, or its machine, stood still."""
DEADLY: Final = timedelta(seconds=60)
"""A connection survives less than that, and what was missed comes over it."""
COMING: Final = timedelta(seconds=10)
"""How long that may take."""
DOUBT: Final = timedelta(minutes=2)
"""How long after more a connection may be dead without discord.py's knowing: it finds out when it
next sends a heartbeat, every 41 seconds."""


class VoiceGateway:
    """Hands the tracker each voice event, and every guild's truth whenever it may have moved on.

    A guild is known from its GUILD_CREATE (``guild_available``) until Discord takes it away; voice
    events outside that time refer to an empty cache and are left to the next snapshot.
    """

    def __init__(self, client: discord.AutoShardedClient, tracker: VoiceTracker, clock: Clock):
        self._client = client
        self._tracker = tracker
        self._clock = clock
        self._known: dict[int, discord.Guild] = {}
        self._unavailable: set[int] = set()
        """Known guilds whose GUILD_CREATE is yet to come, or to come again."""
        self._away: set[int] = set()
        """Shards without a connection."""
        self._people: dict[int, dict[int, tuple[bool, frozenset[int]]]] = {}
        """By guild and user: bot or not, and the roles, of those in voice when last seen."""
        self._awake_at: datetime | None = None
        """When this process was last known to run; None where nobody watches."""
        self._doubt_until: datetime | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._handlers: dict[str, Callable[..., None]] = {
            "voice_state_update": self._voice_state_update,
            "guild_available": self._guild_seen,
            "guild_join": self._guild_seen,
            "guild_unavailable": self._guild_unavailable,
            "guild_remove": self._guild_remove,
            "guild_update": self._guild_update,
            "guild_channel_delete": self._channel_delete,
            "guild_role_delete": self._role_delete,
            "shard_disconnect": self._shard_disconnect,
            "shard_connect": self._shard_connect,
            "shard_resumed": self._shard_resumed,
            "shard_ready": self._shard_ready,
        }

    def take(self, event: str, args: tuple[Any, ...]) -> None:
        """Act on an event as discord.py dispatches it. Never raises: that would end the shard."""
        handler = self._handlers.get(event)
        if handler is None or self._stopped:
            return
        try:
            self._notice_sleep()
            handler(*args)
        except Exception:
            # The next reconciliation repairs what this event should have done.
            log.exception("voice_event_failed", gateway_event=event)

    def stop(self) -> None:
        """Take no more events: from here on Discord's farewells must not look like leaves."""
        self._stopped = True
        for task in self._asking:
            task.cancel()

    def reconcile(self) -> None:
        """Compare the tracker with what discord.py has of every guild now. Changes nothing when
        no event was missed."""
        at = self._clock.now()
        if self._doubt_until is not None and at < self._doubt_until <= at + DOUBT:
            return  # what discord.py has may be of before the machine slept
        for guild in self._known.values():
            if self._in_contact(guild):
                self._tracker.guild_seen(self._snapshot(guild), at)

    async def run_reconcile(self, seconds: float) -> None:
        """``reconcile`` every so many seconds, for ever."""
        while True:
            await self._clock.sleep(seconds)
            try:
                if not self._stopped:
                    self.reconcile()
            except Exception:
                log.exception("voice_reconcile_failed")

    async def run_watch(self) -> None:
        """Notice, for ever, where this process or its machine slept: contact was lost then.

        What happened meanwhile comes late and without its time, or not at all.
        """
        self._awake_at = self._clock.now()
        while True:
            await self._clock.sleep(TICK_SECONDS)
            self._notice_sleep()

    def _notice_sleep(self) -> None:
        if self._awake_at is None or self._stopped:
            return
        since, self._awake_at = self._awake_at, self._clock.now()
        slept = self._awake_at - since
        if slept > ASLEEP:
            log.warning("voice_was_asleep", seconds=round(slept.total_seconds()))
            self._doubt_until = self._awake_at + (DOUBT if slept > DEADLY else COMING)
            self._tracker.contact_lost(None, since)

    # Events, each handled within discord.py's dispatch

    def _voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        guild = member.guild
        if not self._is_present(guild):
            return
        people = self._people.setdefault(guild.id, {})
        if after.channel is None:
            people.pop(member.id, None)
        else:
            people[member.id] = (member.bot, role_ids(member))
        state = _state(guild, member.id, after, member.bot, role_ids(member))
        self._tracker.state_changed(state, self._clock.now())

    def _guild_seen(self, guild: discord.Guild) -> None:
        self._known[guild.id] = guild
        self._unavailable.discard(guild.id)
        self._look_again(guild)

    def _guild_unavailable(self, guild: discord.Guild) -> None:
        self._unavailable.add(guild.id)
        forget_voice_states(guild)
        self._tracker.contact_lost([guild.id], self._clock.now())

    def _guild_remove(self, guild: discord.Guild) -> None:
        self._known.pop(guild.id, None)
        self._unavailable.discard(guild.id)
        self._people.pop(guild.id, None)
        self._tracker.guild_removed(guild.id, self._clock.now())

    def _guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        if before.afk_channel != after.afk_channel:
            self._look_again(after)

    def _channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        if isinstance(channel, discord.VoiceChannel | discord.StageChannel):
            self._look_again(channel.guild)

    def _role_delete(self, role: discord.Role) -> None:
        self._look_again(role.guild)

    def _look_again(self, guild: discord.Guild) -> None:
        if self._in_contact(guild):
            self._tracker.guild_seen(self._snapshot(guild), self._clock.now())

    def _shard_disconnect(self, shard_id: int) -> None:
        if shard_id not in self._away:
            self._away.add(shard_id)
            guild_ids = [guild.id for guild in self._known.values() if guild.shard_id == shard_id]
            self._tracker.contact_lost(guild_ids, self._clock.now())

    def _shard_connect(self, shard_id: int) -> None:
        """A new session began (READY): its guilds follow, each with its own GUILD_CREATE."""
        self._away.discard(shard_id)
        for guild in list(self._client.guilds):
            if guild.shard_id != shard_id:
                continue
            if self._known.get(guild.id) is guild:
                # READY replaces each guild it lists. This one it did not: the bot was removed.
                forget_guild(self._client, guild)
                self._guild_remove(guild)
            else:
                self._known[guild.id] = guild
                self._unavailable.add(guild.id)

    def _shard_resumed(self, shard_id: int) -> None:
        """Discord has replayed what was missed, and says so after it."""
        self._away.discard(shard_id)
        self._shard_ready(shard_id)

    def _shard_ready(self, shard_id: int) -> None:
        """Some 2 seconds after the last GUILD_CREATE of a new session, by discord.py's timer: the
        connection may have been lost again since."""
        for guild in list(self._known.values()):
            if guild.shard_id == shard_id:
                self._look_again(guild)

    def _is_present(self, guild: discord.Guild) -> bool:
        return self._known.get(guild.id) is guild and guild.id not in self._unavailable

    def _in_contact(self, guild: discord.Guild) -> bool:
        """Whether the cache of this guild is the truth: not in the midst of a replay."""
        return self._is_present(guild) and guild.shard_id not in self._away

    # Snapshots

    def _snapshot(self, guild: discord.Guild) -> GuildVoice:
        """Who is in voice in a guild now, by value."""
        before = self._people.get(guild.id, {})
        people: dict[int, tuple[bool, frozenset[int]]] = {}
        states: list[VoiceState] = []
        unknown: list[int] = []
        for user_id, voice in connected(guild):
            member = guild.get_member(user_id)
            person = (member.bot, role_ids(member)) if member is not None else before.get(user_id)
            if person is None:
                unknown.append(user_id)
                continue
            people[user_id] = person
            states.append(_state(guild, user_id, voice, *person))
        self._people[guild.id] = people
        if unknown:
            self._ask(guild, unknown)
        afk = guild.afk_channel
        return GuildVoice(
            guild_id=guild.id,
            afk_channel_id=afk.id if afk is not None else None,
            states=tuple(states),
        )

    def _ask(self, guild: discord.Guild, user_ids: Iterable[int]) -> None:
        """Find out over REST who Discord did not introduce: whether it is a bot decides if it
        counts, so until then it does not."""
        name = f"voice-members-{guild.id}"
        if any(task.get_name() == name for task in self._asking):
            return
        task = asyncio.create_task(self._introduce(guild, list(user_ids)), name=name)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _introduce(self, guild: discord.Guild, user_ids: list[int]) -> None:
        met = False
        for user_id in user_ids:
            try:
                member = await guild.fetch_member(user_id)
            except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.info("voice_member_unknown", error=type(error).__name__)
                continue
            if not self._is_present(guild):
                return
            people = self._people.setdefault(guild.id, {})
            people.setdefault(user_id, (member.bot, role_ids(member)))
            met = True
        if met and not self._stopped:
            self._look_again(guild)


def _state(
    guild: discord.Guild,
    user_id: int,
    voice: discord.VoiceState,
    bot: bool,
    roles: frozenset[int],
) -> VoiceState:
    return VoiceState(
        guild_id=guild.id,
        user_id=user_id,
        channel_id=voice.channel.id if voice.channel is not None else None,
        bot=bot,
        self_deafened=voice.self_deaf,
        deafened=voice.deaf,
        muted=voice.mute or voice.self_mute,
        role_ids=roles,
    )

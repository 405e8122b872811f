"""Voice tracking: what Discord says, in the order it says it, becomes sessions.

Every method that tells the tracker something returns at once: it puts an event with its moment in
one queue, and one task works it off. So events keep Discord's order whatever the database does,
and the moment that counts is the one at which they came in.

When contact with Discord is lost, sessions stay open but are only believed in. ``guild_seen``
settles it: who is still in the same channel was there all along; every other session ends when
contact was lost, and what replaces it begins when it is seen. An event that a RESUME replays comes
without its time, so a leave, a move or a mute replayed before ``guild_seen`` ends the session when
contact was lost too. Each total is therefore short by at most the outage, and never too long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import VoiceSettings
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.settings import SettingsService
from pwrbot.services.voice_heartbeat import Heartbeat
from pwrbot.services.voice_mirror import VoiceMirror
from pwrbot.services.voice_rules import Verdict
from pwrbot.services.voice_state import GuildVoice, VoiceState
from pwrbot.services.voice_store import VoiceStore
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

_AT_A_TIME: Final = 500  # events worked off before their changes are written
_LAST_ATTEMPTS: Final = 3  # to write, once the bot is to stop
_RETRY: Final = timedelta(seconds=1)


class Judgement(msgspec.Struct, frozen=True):
    """Whether a member is being counted right now."""

    verdict: Verdict
    channel_id: int | None
    """Where the member is; None: in no voice channel."""
    since: datetime | None
    """Since when they have been counted there; None where they are not."""
    in_contact: bool
    """False while Discord cannot tell who is in voice: the answer is the last one known."""


class _Event(msgspec.Struct, frozen=True):
    at: datetime
    handle: Callable[[datetime], Awaitable[None]]


class VoiceTracker:
    """Keeps the sessions of all guilds it is told of. Call ``recover`` before anything else.

    Moments are aware datetimes in UTC. The order of calls is the order of events, also where the
    clock was set back: a session then ends no earlier than it began.
    """

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        settings: SettingsService,
        *,
        heartbeat_seconds: float = 10.0,
        shards: Shards = ALL,
    ) -> None:
        """``shards``: those whose guilds this tracker is told of; another process has the rest."""
        self._clock = clock
        self._settings = settings
        self._store = VoiceStore(repository, clock)
        self._heartbeat = Heartbeat(repository, shards)
        self._heartbeat_seconds = heartbeat_seconds
        self._mirrors: dict[int, VoiceMirror] = {}
        self._queue: deque[_Event] = deque()
        self._waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        settings.on_change(self.settings_changed)

    # What happens in Discord

    def state_changed(self, state: VoiceState, at: datetime) -> None:
        """A member joined, left, moved, or was muted and the like. A repeat changes nothing."""

        async def handle(at: datetime) -> None:
            settings = await self._voice_settings(state.guild_id)
            self._store.add(self._mirror(state.guild_id).state_changed(state, settings, at))

        self._put(at, handle)

    def guild_seen(self, snapshot: GuildVoice, at: datetime) -> None:
        """Who is in voice now, by Discord: memory and database are made to agree with it.

        For ready, resumed, guild available and every minute. Ends an outage, so never call it
        with what was remembered of a connection that is down.
        """

        async def handle(at: datetime) -> None:
            settings = await self._voice_settings(snapshot.guild_id)
            stored = await self._store.open_in(snapshot.guild_id)
            mirror = self._mirror(snapshot.guild_id)
            self._store.add(mirror.seen(snapshot, settings, at, stored))

        self._put(at, handle)

    def contact_lost(self, guild_ids: Collection[int] | None, at: datetime) -> None:
        """Nothing more is heard of these guilds, None for all: a connection or an outage."""

        async def handle(at: datetime) -> None:
            for mirror in self._mirrors_of(guild_ids):
                mirror.lost(at)

        self._put(at, handle)

    def guild_removed(self, guild_id: int, at: datetime) -> None:
        """The bot is no longer in the guild: its sessions end, and it is forgotten."""

        async def handle(at: datetime) -> None:
            stored = await self._store.open_in(guild_id)
            nobody = GuildVoice(guild_id, None)
            self._store.add(self._mirror(guild_id).seen(nobody, VoiceSettings(), at, stored))
            del self._mirrors[guild_id]
            self._settings.forget(guild_id)

        self._put(at, handle)

    def settings_changed(self, guild_id: int) -> None:
        """Everybody in the guild is judged by its new rules at once."""

        async def handle(at: datetime) -> None:
            mirror = self._mirrors.get(guild_id)
            if mirror is not None:
                self._store.add(mirror.rejudged(await self._voice_settings(guild_id), at))

        self._put(self._clock.now(), handle)

    # Start, heartbeat, end

    async def recover(self) -> int:
        """End what a process that was killed left open in the guilds of these shards; says how
        many sessions that were.

        Each ends at the last heartbeat; one that began after it, or all where there never was a
        heartbeat, end when they began and are not kept. Raises DatabaseError.
        """
        return await self._heartbeat.recover(self._clock.now())

    async def beat(self) -> bool:
        """Store up to when the sessions in the database are true. False where that failed.

        That is now, or where changes wait to be written, the moment of the first of them.
        """
        first = self._queue[0].at if self._queue else None
        moments = (self._store.oldest, first, self._clock.now())
        return await self._heartbeat.beat(min(at for at in moments if at is not None))

    async def run_heartbeat(self) -> None:
        """Beat for ever, as long as at least one guild is in contact."""
        interval = timedelta(seconds=self._heartbeat_seconds)
        while not self._stopping.is_set():
            due = self._clock.now() + interval  # writing the beat is part of its interval
            if any(mirror.in_contact for mirror in self._mirrors.values()):
                await self.beat()
            left = (due - self._clock.now()) / timedelta(seconds=1)
            await self._clock.sleep(min(max(left, 0), self._heartbeat_seconds))

    async def stop(self, at: datetime) -> bool:
        """Work off the queue and end every open session; what comes later is ignored.

        A session of a guild out of contact ends when contact was lost. False where the database
        is in trouble: the next start ends the rest at the last heartbeat.
        """

        async def handle(at: datetime) -> None:
            for mirror in self._mirrors.values():
                self._store.add(mirror.ended(at))
            self._mirrors.clear()

        self._put(at, handle)
        self._stopping.set()
        try:
            if self._worker is not None:
                await self._worker
        finally:  # also where the caller waits no longer
            if waiting := len(self._queue) + len(self._store):
                log.error("voice_sessions_left_open", waiting=waiting)
        return not waiting and await self._heartbeat.beat(at)

    # Questions

    async def why(self, guild_id: int, user_id: int) -> Judgement:
        """Whether a member is being counted, and if not, which rule stops it."""
        settings = await self._voice_settings(guild_id)
        mirror = self._mirrors.get(guild_id) or VoiceMirror(guild_id)
        verdict, channel_id = mirror.judgement(user_id, settings)
        since = mirror.start_of(user_id) if verdict is Verdict.COUNTED else None
        in_contact = guild_id in self._mirrors and mirror.in_contact
        return Judgement(verdict, channel_id, since, in_contact)

    async def drain(self) -> None:
        """Return once everything told so far is stored; that takes a database that works."""
        await self._idle.wait()

    # The worker

    def _put(self, at: datetime, handle: Callable[[datetime], Awaitable[None]]) -> None:
        if self._stopping.is_set():
            return
        self._queue.append(_Event(at, handle))
        self._idle.clear()
        self._waiting.set()
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="voice")

    async def _work(self) -> None:
        attempts = 0
        while True:
            await self._waiting.wait()
            judged = await self._judge()
            stored = await self._store.flush()
            if judged and stored:
                attempts = 0
                if not self._queue:
                    self._waiting.clear()
                    self._idle.set()
                    if self._stopping.is_set():
                        return
            elif self._stopping.is_set():
                attempts += 1
                if attempts >= _LAST_ATTEMPTS:
                    return
            else:
                await self._pause(self._store.wait or _RETRY)

    async def _judge(self) -> bool:
        """Work off a number of events, in order; False where one has to wait for the database."""
        for _ in range(_AT_A_TIME if not len(self._store) else len(self._queue)):
            if not self._queue:
                break
            event = self._queue[0]
            try:
                await event.handle(event.at)
            except DatabaseError as error:
                log.warning("voice_event_waits", error=f"{type(error).__name__}: {error}")
                return False
            except Exception:
                log.exception("voice_event_dropped")
            self._queue.popleft()
        return True

    async def _pause(self, wait: timedelta) -> None:
        """Wait for the next attempt, or for the end."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(wait.total_seconds())),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()

    # Small things

    async def _voice_settings(self, guild_id: int) -> VoiceSettings:
        return (await self._settings.get(guild_id)).voice

    def _mirror(self, guild_id: int) -> VoiceMirror:
        mirror = self._mirrors.get(guild_id)
        if mirror is None:
            mirror = self._mirrors[guild_id] = VoiceMirror(guild_id)
        return mirror

    def _mirrors_of(self, guild_ids: Collection[int] | None) -> list[VoiceMirror]:
        if guild_ids is None:
            return list(self._mirrors.values())
        return [self._mirrors[guild_id] for guild_id in guild_ids if guild_id in self._mirrors]

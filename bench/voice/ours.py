"""Our answers, asked as the bot's commands ask for them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from bench.voice.recorded import Recorder, Run, recording
from pwrbot.clock import ManualClock
from pwrbot.entities import VoiceChannelTime, VoicePartner, VoiceTotal
from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.services.activity import Activity, DayTime, VoiceActivity
from pwrbot.services.cover import cover
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import MemberStats, VoiceStatistics
from pwrbot.services.voice_heartbeat import Heartbeat
from pwrbot.services.voice_mirror import Change, Start
from pwrbot.services.voice_store import VoiceStore

if TYPE_CHECKING:
    from bench.voice.questions import Window
    from bench.voice.writes import Event


class Ours:
    """The bot's services over a database, with a clock that stands still."""

    def __init__(self, repository: Repository, now: datetime) -> None:
        self.repository = repository
        self.clock = ManualClock(now)
        self.now = now
        self._settings = SettingsService(repository, self.clock, "Europe/Berlin")
        self.statistics = VoiceStatistics(repository, self.clock, self._settings)
        self._activity = VoiceActivity(repository, self.clock, self._settings)
        self._store = VoiceStore(repository, self.clock)
        self._waiting: list[asyncio.Future[None]] = []
        self._worker: asyncio.Task[None] | None = None
        self._heartbeat = Heartbeat(repository)
        self._recording: tuple[Repository, Recorder] | None = None

    @classmethod
    async def open(cls, url: str, now: datetime) -> Ours:
        return cls(await Repository.open(url, EngineOptions(timeout=600)), now)

    async def close(self) -> None:
        await self.repository.close()

    async def leaderboard(self, guild_id: int, window: Window, limit: int) -> list[VoiceTotal]:
        """A page; the range as members choose it, where they can choose this one."""
        if window.range is None:
            made = cover(window.since, window.until)
            return await self.statistics.totals(guild_id, made, limit=limit)
        page = await self.statistics.leaderboard(guild_id, window.range, per_page=limit)
        return list(page.rows)

    async def partners(
        self, guild_id: int, user_id: int, window: Window, limit: int
    ) -> list[VoicePartner]:
        """As above."""
        if window.range is None:
            return await self.repository.voice_sessions.partners(
                guild_id=guild_id,
                user_id=user_id,
                since=window.since,
                until=window.until,
                now=self.now,
                limit=limit,
                offset=0,
            )
        page = await self.statistics.partners(guild_id, user_id, window.range, per_page=limit)
        return list(page.rows)

    async def stats(self, guild_id: int, user_id: int, chosen: Range) -> MemberStats:
        return await self.statistics.stats(guild_id, user_id, chosen)

    async def channels(self, guild_id: int, chosen: Range, limit: int) -> list[VoiceChannelTime]:
        page = await self.statistics.channels(guild_id, chosen, per_page=limit)
        return list(page.rows)

    async def days(self, guild_id: int, since: datetime) -> tuple[DayTime, ...]:
        """The guild's activity by day, up to now."""
        zone = await self._settings.zone(guild_id)
        return await self._activity.days(guild_id, since, self.now, zone)

    async def activity(self, guild_id: int, since: datetime) -> Activity:
        """The same by hour of the week."""
        zone = await self._settings.zone(guild_id)
        return await self._activity.between(guild_id, since, self.now, zone)

    # Writing

    async def set_synchronous(self, mode: str) -> None:
        """SQLite's, of the connection that writes; the bot itself always uses FULL."""
        writer = getattr(self.repository._engine, "_writer", None)
        if writer is not None:
            await writer.call(lambda c: c.execute(f"PRAGMA synchronous = {mode}").fetchall())

    async def join(self, event: Event) -> None:
        """Returns once it is durable."""
        await self._stored(_joined(event))

    async def join_and_leave(self, event: Event) -> None:
        """Each durable before the next."""
        await self._stored(_joined(event))
        await self._stored(_left(event))

    async def _stored(self, change: Change) -> None:
        """One worker writes, as in the tracker: what comes in meanwhile is written together."""
        self._store.add(change)
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append(stored)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            ok = await self._store.flush()
            for stored in waiting:
                if ok:
                    stored.set_result(None)
                else:
                    stored.set_exception(AssertionError("the database is in trouble"))

    async def statements_of(self, event: Event) -> list[list[Run]]:
        """What a join and its leave make of the database, by transaction."""
        if self._recording is None:
            self._recording = recording(self.repository.engine_name)
        repository, recorder = self._recording
        for change in (_joined(event), _left(event)):
            store = VoiceStore(repository, self.clock)
            store.add(change)
            await store.flush()
        return recorder.taken()

    async def beat(self) -> None:
        """The heartbeat, as every ten seconds."""
        if not await self._heartbeat.beat(self.clock.now()):
            raise AssertionError("the heartbeat failed")

    def calls(self) -> int:
        """How many statements have run so far."""
        return sum(statement.statistics.calls for statement in self.repository.statements)


def _joined(event: Event) -> Change:
    start = Start(event.user_id, event.channel_id, event.joined_at)
    return Change(event.guild_id, event.joined_at, {}, [start])


def _left(event: Event) -> Change:
    return Change(event.guild_id, event.left_at, {event.left_at: [event.user_id]}, [])

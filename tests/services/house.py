"""The services on a real database, with a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from pwrbot.clock import ManualClock
from pwrbot.entities import OpenVoiceSession, VoiceRemoval, VoiceRemovalPhase
from pwrbot.repository import Repository, Transaction
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.services.settings import SettingsService
from pwrbot.services.voice import VoiceTracker
from pwrbot.services.voice_state import GuildVoice, VoiceState

START = datetime(2026, 1, 1, tzinfo=UTC)
GUILD = 1
AFK = 12


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def half_done(guild_id: int, phase: VoiceRemovalPhase, asked_at: datetime) -> VoiceRemoval:
    """A reset of all voice time of a guild, under way."""
    return VoiceRemoval(
        guild_id=guild_id,
        removal_id=1,
        asked_by=5,
        asked_at=asked_at,
        phase=phase,
        user_id=None,
        channel_id=None,
        since=None,
        until=asked_at,
        sessions=0,
        total=timedelta(),
    )


def runs(repository: Repository) -> Counter[str]:
    """How often each statement has run so far, by its name."""
    return Counter({each.name: each.statistics.calls for each in repository.statements})


class Unsteady:
    """A repository whose database can go away, or lose the answer to a commit."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.down = False
        self.answers_to_lose = 0
        self.attempts = 0

    @property
    def engine_name(self) -> str:
        return self._repository.engine_name

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._attempt(), self._repository.transaction() as tx:
            yield tx

    @property
    def open_voice_sessions(self) -> Any:
        """Opening by itself, without a transaction around it, is an attempt too."""
        return SimpleNamespace(in_guild=self._in_guild, open=self._open)

    async def _in_guild(self, guild_id: int) -> list[OpenVoiceSession]:
        if self.down:
            raise DatabaseUnavailable()
        return await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)

    async def _open(self, **values: Any) -> int:
        async with self._attempt():
            return await self._repository.open_voice_sessions.open(**values)

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[None]:
        self.attempts += 1
        if self.down:
            raise DatabaseUnavailable()
        yield
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise DatabaseUnavailable()

    def __getattr__(self, name: str) -> Any:
        if self.down:
            raise DatabaseUnavailable()
        return getattr(self._repository, name)


class House:
    """A tracker and what it stands on. Minutes count from START."""

    def __init__(self, repository: Repository, guild_id: int = GUILD) -> None:
        self.repository = repository
        self.unsteady = Unsteady(repository)
        self.guild_id = guild_id
        self.clock = ManualClock(START)
        handed = cast(Repository, self.unsteady)
        self.settings = SettingsService(handed, self.clock)
        self.tracker = VoiceTracker(handed, self.clock, self.settings, heartbeat_seconds=10)

    def state(self, user_id: int, channel_id: int | None, **rest: Any) -> VoiceState:
        return VoiceState(self.guild_id, user_id, channel_id, **rest)

    def happens(self, minute: float, user_id: int, channel_id: int | None, **rest: Any) -> None:
        self.clock.set(at(minute))
        self.tracker.state_changed(self.state(user_id, channel_id, **rest), at(minute))

    def seen(self, minute: float, *states: VoiceState) -> None:
        self.clock.set(at(minute))
        self.tracker.guild_seen(GuildVoice(self.guild_id, AFK, states), at(minute))

    async def ended(self) -> list[tuple[int, int, float, float]]:
        """(user, channel, from, to) of what is stored as ended."""
        rows = await self.repository.voice_sessions.select_all()
        return [
            (row.user_id, row.channel_id, _minute(row.joined_at), _minute(row.left_at))
            for row in rows
        ]

    async def running(self) -> list[tuple[int, int, float]]:
        """(user, channel, from) of what is stored as open."""
        rows = await self.repository.open_voice_sessions.select_all()
        return [(row.user_id, row.channel_id, _minute(row.joined_at)) for row in rows]


def _minute(moment: datetime) -> float:
    return (moment - START) / timedelta(minutes=1)

"""Changes of sessions on their way into the database: in order, in batches, none lost."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.entities import OpenVoiceSession
from pwrbot.repository import Repository, Tables
from pwrbot.repository.errors import (
    ConstraintViolation,
    DatabaseError,
    DecodeError,
    InvalidValue,
)
from pwrbot.services.voice_mirror import Change

log = structlog.get_logger(__name__)

_BATCH: Final = 200  # changes in one transaction
_HOPELESS: Final = (ConstraintViolation, InvalidValue, DecodeError)  # would fail again
_FIRST_WAIT: Final = timedelta(seconds=0.5)
_LONGEST_WAIT: Final = timedelta(seconds=30)


class VoiceStore:
    """What is still to be written, and how to write it.

    A batch that fails stays and is written again. Writing one twice does no harm, so that a
    commit whose answer was lost is no trouble either: a session that is open stays, one that has
    ended does not end again, and what is opened again after its end is empty and not kept.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock
        self._pending: deque[Change] = deque()
        self._wait = timedelta()
        self._again_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def oldest(self) -> datetime | None:
        """When the first change that is not stored yet came in."""
        return self._pending[0].at if self._pending else None

    @property
    def wait(self) -> timedelta:
        """How long to wait before the next attempt; none while all goes well."""
        return self._wait

    def add(self, change: Change | None) -> None:
        """Have a change written by the next ``flush``."""
        if change is not None:
            self._pending.append(change)

    async def flush(self) -> bool:
        """Write all that is pending. False where the database is in trouble: try again later."""
        try:
            while self._pending:
                await self._write_batch()
                self._worked()
        except Exception as error:  # whatever it is, nothing is dropped
            self._failed(error)
            return False
        return True

    async def open_in(self, guild_id: int) -> list[OpenVoiceSession] | None:
        """A guild's open sessions with all changes written; None while the database is in trouble.

        After a failure it is not asked again before the wait is over, so that reconciling many
        guilds does not wait for a time-out for each.
        """
        if self._again_at is not None and self._clock.now() < self._again_at:
            return None
        if not await self.flush():
            return None
        try:
            rows = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
        except DatabaseError as error:
            self._failed(error)
            return None
        self._worked()
        return rows

    async def _write_batch(self) -> None:
        batch = list(islice(self._pending, _BATCH))
        try:
            async with self._repository.transaction() as tx:
                for change in batch:
                    await _write(tx, change)
        except _HOPELESS:
            await self._write_singly(len(batch))
            return
        for _ in batch:
            self._pending.popleft()

    async def _write_singly(self, count: int) -> None:
        """Each change by itself, so that one the database refuses does not hold up the others."""
        for _ in range(count):
            try:
                async with self._repository.transaction() as tx:
                    await _write(tx, self._pending[0])
            except _HOPELESS as error:
                log.error("voice_change_refused", error=str(error))
            self._pending.popleft()

    def _worked(self) -> None:
        if self._again_at is not None:
            log.info("voice_store_recovered", waiting=len(self._pending))
        self._wait, self._again_at = timedelta(), None

    def _failed(self, error: Exception) -> None:
        self._wait = min(self._wait * 2 or _FIRST_WAIT, _LONGEST_WAIT)
        self._again_at = self._clock.now() + self._wait
        log.warning(
            "voice_not_stored",
            error=f"{type(error).__name__}: {error}",
            waiting=len(self._pending),
            next_attempt_seconds=self._wait.total_seconds(),
        )


async def _write(tables: Tables, change: Change) -> None:
    """One statement for each start and two for each moment of end, however many end then."""
    guild_id = change.guild_id
    for left_at, user_ids in change.ends.items():
        await tables.voice_sessions.end(guild_id=guild_id, user_ids=user_ids, left_at=left_at)
        await tables.open_voice_sessions.remove(guild_id=guild_id, user_ids=user_ids)
    for start in change.starts:
        await tables.open_voice_sessions.open(
            guild_id=guild_id,
            user_id=start.user_id,
            channel_id=start.channel_id,
            joined_at=start.joined_at,
        )

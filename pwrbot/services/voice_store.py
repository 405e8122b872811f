"""Changes of sessions on their way into the database: in order, in batches, none lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
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
from pwrbot.services.voice_mirror import Change, Start
from pwrbot.services.voice_state import LONGEST

log = structlog.get_logger(__name__)

Member = tuple[int, int]
"""Guild and user."""

_BATCH: Final = 500  # changes in one transaction
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
        # SQLite's writers take turns, so that one whose answer was lost has run before it is
        # repeated. PostgreSQL could run it after all that followed: there a BEGIN goes before it,
        # and with a broken connection goes all of it.
        self._alone_is_safe = repository.engine_name == "sqlite"
        self._pending: deque[Change] = deque()
        self._writing = asyncio.Lock()  # a batch at a time: they stay in order
        self._added = self._settled = 0  # changes since the start
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
            self._added += 1

    async def flush(self) -> bool:
        """Write all that is pending now. False where the database is in trouble: try again later.

        Who comes while a batch is on its way shares the next one with all others who did.
        """
        last = self._added
        async with self._writing:
            try:
                while self._settled < last:
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
            await self._write(batch)
        except _HOPELESS:
            await self._write_singly(len(batch))
            return
        for _ in batch:
            self._settle()

    async def _write_singly(self, count: int) -> None:
        """Each change by itself, so that one the database refuses does not hold up the others."""
        for _ in range(count):
            try:
                await self._write([self._pending[0]])
            except _HOPELESS as error:
                log.error("voice_change_refused", error=str(error))
            self._settle()

    def _settle(self) -> None:
        self._pending.popleft()
        self._settled += 1

    async def _write(self, changes: Sequence[Change]) -> None:
        made = bursts(changes)
        if self._alone_is_safe and len(made) == 1 and not made[0].ends:  # one statement
            await made[0].write(self._repository)
            return
        async with self._repository.transaction() as tx:
            for burst in made:
                await burst.write(tx)

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


class Burst:
    """Ends and starts that are written together: three statements, however many they are."""

    def __init__(self) -> None:
        self.ends: dict[Member, datetime] = {}
        self.starts: dict[Member, Start] = {}

    async def write(self, tables: Tables) -> None:
        if self.ends:
            guild_ids, user_ids = map(list, zip(*self.ends, strict=True))
            left_ats = list(self.ends.values())
            await tables.voice_sessions.end(
                guild_ids=guild_ids, user_ids=user_ids, left_ats=left_ats, longest=LONGEST
            )
            await tables.open_voice_sessions.remove(guild_ids=guild_ids, user_ids=user_ids)
        if self.starts:
            guild_ids, user_ids = map(list, zip(*self.starts, strict=True))
            await tables.open_voice_sessions.open(
                guild_ids=guild_ids,
                user_ids=user_ids,
                channel_ids=[start.channel_id for start in self.starts.values()],
                joined_ats=[start.joined_at for start in self.starts.values()],
            )


def bursts(changes: Iterable[Change]) -> list[Burst]:
    """As few as there can be: what one member did stays in order, and nobody waits for another.

    A burst writes its ends first, so who has started in one goes on in the next.
    """
    made: list[Burst] = []
    steps: dict[Member, int] = {}  # an even one is an end, the odd one after it a start

    def burst_of(member: Member, *, start: bool) -> Burst:
        step = steps.get(member, -1) + 1
        steps[member] = step = step + (step % 2 != start)
        if step // 2 == len(made):
            made.append(Burst())
        return made[step // 2]

    for change in changes:
        for left_at, user_ids in change.ends.items():
            for user_id in user_ids:
                member = change.guild_id, user_id
                burst_of(member, start=False).ends[member] = left_at
        for start in change.starts:
            member = change.guild_id, start.user_id
            burst_of(member, start=True).starts[member] = start
    return made

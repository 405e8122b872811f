"""Moving the sessions of a reset into a table of their own, and back.

A session crossing the edge of a reset is cut there first, so that what goes is always whole
sessions; the two parts stay two after an undo, and the totals are what they were. Sessions move in
batches, each one transaction, so that nothing else waits long. Whatever ends a move in between, it
goes on where it stopped: what moved is not there any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from pwrbot.entities import VoiceRemoval, VoiceRemovedSession, VoiceSession
from pwrbot.repository import Repository, Transaction
from pwrbot.repository.errors import DatabaseBusy
from pwrbot.services.cover import day_digits
from pwrbot.services.voice_sessions import add_sessions

log = structlog.get_logger(__name__)

BATCH: Final = 500
"""How many sessions move in one transaction."""

_TRIES: Final = 10
_MICROSECOND: Final = timedelta(microseconds=1)
_FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

Done = TypeVar("Done")


class Restored(msgspec.Struct, frozen=True):
    """What came back of a reset, and how many sessions had to be cut or left out: others lie there
    now."""

    removal: VoiceRemoval
    sessions: int
    collided: int


class RemovedSessions:
    """What resets took. Methods raise DatabaseError; called again, they do what is left to do."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def remove(self, removal: VoiceRemoval) -> VoiceRemoval:
        """Take all that lies in its scope; says what it took."""
        guild_id, removal_id = removal.guild_id, removal.removal_id
        for edge in (removal.since, removal.until):
            if edge is not None:
                for crossing in await across(
                    self._repository, guild_id, edge, removal.user_id, removal.channel_id
                ):
                    await _insisting(partial(self._split, crossing, edge))
        tallies = await self._repository.voice_sessions.tallies(
            guild_id=guild_id,
            user_id=removal.user_id,
            channel_id=removal.channel_id,
            since=removal.since,
            until=removal.until,
        )
        group: list[int] = []
        size = 0
        for tally in tallies:
            if tally.sessions > BATCH:
                await self._take_from(removal, tally.user_id)
                continue
            if size + tally.sessions > BATCH:
                await self._take(removal, group, removal.until)
                group, size = [], 0
            group.append(tally.user_id)
            size += tally.sessions
        await self._take(removal, group, removal.until)
        await self._repository.voice_removals.advance(
            guild_id=guild_id, removal_id=removal_id, phase="removing", next_phase="removed"
        )
        done = await self._repository.voice_removals.select((guild_id, removal_id))
        assert done is not None
        log.info("voice_reset", sessions=done.sessions)
        return done

    async def restore(self, removal: VoiceRemoval) -> Restored:
        """Put back what it took, but where other sessions lie now."""
        restored = collided = 0
        while page := await self._page(removal):
            done = await _insisting(partial(self._put_back, removal, page))
            restored, collided = restored + done.sessions, collided + done.collided
        await self._repository.voice_removals.advance(
            guild_id=removal.guild_id,
            removal_id=removal.removal_id,
            phase="restoring",
            next_phase="restored",
        )
        log.info("voice_reset_undone", sessions=restored, collided=collided)
        return Restored(removal, restored, collided)

    async def forget(self, removal: VoiceRemoval) -> None:
        """Let go of what it took, for good."""
        while page := await self._page(removal):
            last = page[-1]
            await self._repository.voice_removed_sessions.drop_through(
                guild_id=removal.guild_id,
                removal_id=removal.removal_id,
                user_id=last.user_id,
                joined_at=last.joined_at,
            )
        await self._repository.voice_removals.delete((removal.guild_id, removal.removal_id))

    async def _take_from(self, removal: VoiceRemoval, user_id: int) -> None:
        """All of one member with many sessions, a batch at a time, from the first on."""
        while True:
            starts = await self._repository.voice_sessions.nth_start(
                guild_id=removal.guild_id,
                user_id=user_id,
                channel_id=removal.channel_id,
                since=removal.since,
                until=removal.until,
                limit=1,
                offset=BATCH,
            )
            await self._take(removal, [user_id], starts[0] if starts else removal.until)
            if not starts:
                return

    async def _take(self, removal: VoiceRemoval, user_ids: list[int], until: datetime) -> None:
        if user_ids:
            await _insisting(lambda: self._take_at_once(removal, user_ids, until))

    async def _take_at_once(
        self, removal: VoiceRemoval, user_ids: list[int], until: datetime
    ) -> None:
        async with self._repository.transaction() as tx:
            guild_id = removal.guild_id
            tallies = [
                tally
                for user_id in user_ids
                for tally in await tx.voice_sessions.tallies(
                    guild_id=guild_id,
                    user_id=user_id,
                    channel_id=removal.channel_id,
                    since=removal.since,
                    until=until,
                )
            ]
            sessions = sum(tally.sessions for tally in tallies)
            kept = await tx.voice_removed_sessions.take(
                guild_id=guild_id,
                removal_id=removal.removal_id,
                user_ids=user_ids,
                channel_id=removal.channel_id,
                since=removal.since,
                until=until,
            )
            deleted = await tx.voice_sessions.forget(
                guild_id=guild_id,
                user_ids=user_ids,
                channel_id=removal.channel_id,
                since=removal.since,
                until=until,
            )
            if not sessions == kept == deleted:
                # Another transaction stored one meanwhile: it would be deleted, but not kept.
                raise DatabaseBusy
            await tx.voice_removals.add(
                guild_id=guild_id,
                removal_id=removal.removal_id,
                sessions=sessions,
                total=sum((tally.total for tally in tallies), timedelta()),
            )

    async def _split(self, session: VoiceSession, edge: datetime) -> None:
        async with self._repository.transaction() as tx:
            if await tx.voice_sessions.update(replace(session, left_at=edge)):
                await tx.voice_sessions.insert(replace(session, joined_at=edge))

    async def _put_back(
        self, removal: VoiceRemoval, page: Sequence[VoiceRemovedSession]
    ) -> Restored:
        restored = collided = 0
        back: list[VoiceSession] = []
        last = page[-1]
        async with self._repository.transaction() as tx:
            there = await _what_lies_there(tx, removal.guild_id, page)
            for session in page:
                pieces = list(_free(session, there[session.user_id]))
                collided += pieces != [(session.joined_at, session.left_at)]
                restored += bool(pieces)
                back += [
                    VoiceSession(
                        session.guild_id, session.user_id, begins, session.channel_id, ends
                    )
                    for begins, ends in pieces
                ]
            if back:
                await add_sessions(tx, back)
            await tx.voice_removed_sessions.drop_through(
                guild_id=removal.guild_id,
                removal_id=removal.removal_id,
                user_id=last.user_id,
                joined_at=last.joined_at,
            )
        return Restored(removal, restored, collided)

    async def _page(self, removal: VoiceRemoval) -> list[VoiceRemovedSession]:
        return await self._repository.voice_removed_sessions.page(
            guild_id=removal.guild_id, removal_id=removal.removal_id, limit=BATCH
        )


async def across(
    repository: Repository,
    guild_id: int,
    edge: datetime,
    user_id: int | None,
    channel_id: int | None,
) -> list[VoiceSession]:
    """The sessions that began before an edge and ended after it; None is everybody, everywhere."""
    before = (edge - _MICROSECOND).astimezone(UTC)
    return await repository.voice_sessions.across(
        guild_id=guild_id,
        day=day_digits(before),
        moment=edge,
        user_id=user_id,
        channel_id=channel_id,
    )


async def _insisting(transaction: Callable[[], Awaitable[Done]]) -> Done:
    """Beside the voice events of a large server PostgreSQL now and then gives one of two
    transactions up that wait for each other's totals."""
    for _ in range(_TRIES - 1):
        with suppress(DatabaseBusy):
            return await transaction()
    return await transaction()


Stretch = tuple[datetime, datetime]


async def _what_lies_there(
    tx: Transaction, guild_id: int, page: Sequence[VoiceRemovedSession]
) -> dict[int, list[Stretch]]:
    """What the members of a page have in its time, in order; a running session has no end."""
    users = sorted({session.user_id for session in page})
    there: dict[int, list[Stretch]] = defaultdict(list)
    # Before those that ended: one that ends in between is then among both, not among neither.
    all_running = await tx.open_voice_sessions.in_guild(guild_id=guild_id)
    for session in await tx.voice_sessions.overlapping(
        guild_id=guild_id,
        user_ids=users,
        since=min(session.joined_at for session in page),
        until=max(session.left_at for session in page) + _MICROSECOND,
    ):
        # One of no length still has its moment: it is the key of a session.
        ends = max(session.left_at, session.joined_at + _MICROSECOND)
        there[session.user_id].append((session.joined_at, ends))
    for running in all_running:
        there[running.user_id].append((running.joined_at, _FOREVER))
    return there


def _free(session: VoiceRemovedSession, there: Sequence[Stretch]) -> Iterable[Stretch]:
    """The parts of a session where nothing lies."""
    begins, ends = session.joined_at, session.left_at
    if begins == ends:
        if not any(since <= begins < until for since, until in there):
            yield begins, ends
        return
    for since, until in there:
        if until <= begins or since >= ends:
            continue
        if begins < since:
            yield begins, since
        begins = until
    if begins < ends:
        yield begins, ends

"""Resets of voice time that can be undone for a day.

A session crossing the edge of a reset is cut there first, so that what goes is always whole
sessions; the two parts stay two after an undo, and the totals are what they were. Sessions move to
a table of their own in batches, each one transaction, so that nothing else waits long; the phase is
stored, and a process that ended in between goes on at its next start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from pwrbot.clock import Clock
from pwrbot.entities import OpenVoiceSession, VoiceRemoval, VoiceRemovedSession, VoiceSession
from pwrbot.errors import PwrbotError
from pwrbot.repository import Repository, Transaction
from pwrbot.repository.errors import DatabaseBusy
from pwrbot.services.cover import day_digits
from pwrbot.services.voice_sessions import add_sessions
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

UNDO_WITHIN: Final = timedelta(days=1)
BATCH: Final = 500
"""How many sessions move in one transaction."""

_TRIES: Final = 10
_MICROSECOND: Final = timedelta(microseconds=1)
Done = TypeVar("Done")

_FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class ResetRefused(PwrbotError):
    """That can't be reset, or undone, now."""

    # The message is for the member.


class ResetScope(msgspec.Struct, frozen=True):
    """Whose time, where and when: all that is given must hold. The range is [since, until)."""

    user_id: int | None = None
    channel_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class ResetPreview(msgspec.Struct, frozen=True):
    """What would go: whole and running sessions, by their part in the range."""

    sessions: int
    members: int
    total: timedelta


class Restored(msgspec.Struct, frozen=True):
    """What came back of a reset, and how many sessions had to be cut or left out: others lie there
    now."""

    removal: VoiceRemoval
    sessions: int
    collided: int


class VoiceReset:
    """Resets of all guilds. Methods raise ResetRefused with a sentence, and DatabaseError."""

    def __init__(self, repository: Repository, clock: Clock, shards: Shards = ALL) -> None:
        self._shards = shards
        self._repository = repository
        self._clock = clock
        self._busy: set[int] = set()

    async def preview(self, guild_id: int, scope: ResetScope) -> ResetPreview:
        """What a reset would take now; changes nothing."""
        now = self._clock.now()
        since, until = scope.since, min(scope.until or now, now)
        tallies = await self._repository.voice_sessions.tallies(
            guild_id=guild_id,
            user_id=scope.user_id,
            channel_id=scope.channel_id,
            since=since,
            until=until,
        )
        sessions = sum(tally.sessions for tally in tallies)
        total = sum((tally.total for tally in tallies), timedelta())
        members = {tally.user_id for tally in tallies}
        # What lies across the edges: the part after the start goes, the part after the end stays.
        if since is not None and since < until:
            for crossing in await self._across(guild_id, since, scope):
                sessions += 1
                total += min(crossing.left_at, until) - since
                members.add(crossing.user_id)
        for crossing in await self._across(guild_id, until, scope):
            if since is None or crossing.joined_at >= since:
                total -= crossing.left_at - until
        running = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
        for session, begins, ends in _concerned(running, scope, now):
            sessions += 1
            total += ends - begins
            members.add(session.user_id)
        return ResetPreview(sessions, len(members), total)

    async def reset(
        self, guild_id: int, scope: ResetScope, *, removal_id: int, asked_by: int
    ) -> VoiceRemoval:
        """Take all that lies in the scope, up to now; returns what was taken.

        ``removal_id`` names the reset within the guild. One at a time: raises ResetRefused while
        another is under way, and where there is nothing to take.
        """
        async with self._alone(guild_id):
            if await self._repository.voice_removals.under_way(guild_id=guild_id):
                raise ResetRefused("Another reset of this server isn't finished: wait for it.")
            if not (await self.preview(guild_id, scope)).sessions:
                raise ResetRefused("There is no time in voice to reset there.")
            now = self._clock.now()
            removal = VoiceRemoval(
                guild_id=guild_id,
                removal_id=removal_id,
                asked_by=asked_by,
                asked_at=now,
                phase="removing",
                user_id=scope.user_id,
                channel_id=scope.channel_id,
                since=scope.since,
                until=min(scope.until or now, now),
                sessions=0,
                total=timedelta(),
            )
            async with self._repository.transaction() as tx:
                removal = await tx.voice_removals.insert(removal)
                await _cut_running(tx, removal, scope, now)
            return await self._remove(removal)

    async def undo_last(self, guild_id: int) -> Restored:
        """Put back what the last reset took that has not been undone."""
        last = await self._repository.voice_removals.latest(guild_id=guild_id)
        if last is None:
            raise ResetRefused("There is no reset of the last day left to undo.")
        return await self.undo(guild_id, last.removal_id)

    async def undo(self, guild_id: int, removal_id: int) -> Restored:
        """Put back what a reset of the last day took."""
        async with self._alone(guild_id):
            removal = await self._repository.voice_removals.select((guild_id, removal_id))
            if removal is None or self._clock.now() - removal.asked_at > UNDO_WITHIN:
                raise ResetRefused("That was more than a day ago: it can't be undone any more.")
            if removal.phase in ("restoring", "restored"):
                raise ResetRefused("That reset has been undone already.")
            removals = self._repository.voice_removals
            if await removals.under_way(guild_id=guild_id) or not await removals.advance(
                guild_id=guild_id, removal_id=removal_id, phase="removed", next_phase="restoring"
            ):
                raise ResetRefused(
                    "A reset of this server, or an undo, isn't finished yet: try again in a minute."
                )
            return await self._restore(removal)

    async def finish(self) -> int:
        """Finish what an earlier process left half done; says how many that were."""
        finished = 0
        for removal in await self._repository.voice_removals.unfinished(
            shard_count=self._shards.count, shard_ids=list(self._shards.ids)
        ):
            if removal.guild_id in self._busy:
                continue
            try:
                await self._finish(removal)
            except Exception:  # one reset's trouble is not the others'
                log.exception("voice_reset_unfinished")
            else:
                finished += 1
        return finished

    async def purge(self) -> int:
        """Forget resets that can't be undone any more; says how many."""
        expired = await self._repository.voice_removals.expired(
            earliest=self._clock.now() - UNDO_WITHIN,
            shard_count=self._shards.count,
            shard_ids=list(self._shards.ids),
        )
        for removal in expired:
            while page := await self._page(removal):
                last = page[-1]
                await self._repository.voice_removed_sessions.drop_through(
                    guild_id=removal.guild_id,
                    removal_id=removal.removal_id,
                    user_id=last.user_id,
                    joined_at=last.joined_at,
                )
            await self._repository.voice_removals.delete((removal.guild_id, removal.removal_id))
        return len(expired)

    # One after the other

    @asynccontextmanager
    async def _alone(self, guild_id: int) -> AsyncIterator[None]:
        if guild_id in self._busy:
            raise ResetRefused("Another reset of this server isn't finished: wait for it.")
        self._busy.add(guild_id)
        try:
            yield
        finally:
            self._busy.discard(guild_id)

    async def _finish(self, removal: VoiceRemoval) -> None:
        async with self._alone(removal.guild_id):
            # Another may have finished it since the list was read.
            found = await self._repository.voice_removals.select(
                (removal.guild_id, removal.removal_id)
            )
            if found is not None and found.phase == "removing":
                await self._remove(found)
            elif found is not None and found.phase == "restoring":
                await self._restore(found)

    async def _remove(self, removal: VoiceRemoval) -> VoiceRemoval:
        guild_id, removal_id = removal.guild_id, removal.removal_id
        scope = ResetScope(removal.user_id, removal.channel_id, removal.since, removal.until)
        for edge in (removal.since, removal.until):
            if edge is not None:
                for crossing in await self._across(guild_id, edge, scope):
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

    async def _across(self, guild_id: int, edge: datetime, scope: ResetScope) -> list[VoiceSession]:
        before = (edge - _MICROSECOND).astimezone(UTC)
        return await self._repository.voice_sessions.across(
            guild_id=guild_id,
            day=day_digits(before),
            moment=edge,
            user_id=scope.user_id,
            channel_id=scope.channel_id,
        )

    async def _split(self, session: VoiceSession, edge: datetime) -> None:
        async with self._repository.transaction() as tx:
            if await tx.voice_sessions.update(replace(session, left_at=edge)):
                await tx.voice_sessions.insert(replace(session, joined_at=edge))

    async def _restore(self, removal: VoiceRemoval) -> Restored:
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


def _concerned(
    running: Iterable[OpenVoiceSession], scope: ResetScope, now: datetime
) -> Iterable[tuple[OpenVoiceSession, datetime, datetime]]:
    """The running sessions with time in the scope, and from when to when that is."""
    until = min(scope.until or now, now)
    for session in running:
        if scope.user_id not in (None, session.user_id):
            continue
        if scope.channel_id not in (None, session.channel_id):
            continue
        begins = max(session.joined_at, scope.since or session.joined_at)
        if begins < until:
            yield session, begins, until


async def _cut_running(
    tx: Transaction, removal: VoiceRemoval, scope: ResetScope, now: datetime
) -> None:
    """The time of running sessions in the scope goes; they go on from its end."""
    running = await tx.open_voice_sessions.in_guild(guild_id=removal.guild_id)
    taken = timedelta()
    sessions = 0
    for session, begins, ends in _concerned(running, scope, now):
        guild_id, user_id = session.guild_id, session.user_id
        if not await tx.open_voice_sessions.restart(
            guild_id=guild_id, user_id=user_id, joined_at=session.joined_at, now=ends
        ):
            continue  # it ended in this moment
        if session.joined_at < begins:
            await tx.voice_sessions.insert(
                VoiceSession(guild_id, user_id, session.joined_at, session.channel_id, begins)
            )
        await tx.voice_removed_sessions.insert(
            VoiceRemovedSession(
                guild_id, removal.removal_id, user_id, begins, session.channel_id, ends
            )
        )
        sessions, taken = sessions + 1, taken + (ends - begins)
    await tx.voice_removals.add(
        guild_id=removal.guild_id, removal_id=removal.removal_id, sessions=sessions, total=taken
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

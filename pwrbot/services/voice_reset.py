"""Resets of voice time that can be undone for a day.

``removed_sessions.py`` moves what goes; the phase is stored, and a process that ended in between
goes on at its next start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import OpenVoiceSession, VoiceRemoval, VoiceRemovedSession, VoiceSession
from pwrbot.errors import PwrbotError
from pwrbot.repository import Repository, Transaction
from pwrbot.services.removed_sessions import RemovedSessions, Restored, across
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

UNDO_WITHIN: Final = timedelta(days=1)


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


class VoiceReset:
    """Resets of all guilds. Methods raise ResetRefused with a sentence, and DatabaseError."""

    def __init__(self, repository: Repository, clock: Clock, shards: Shards = ALL) -> None:
        self._shards = shards
        self._repository = repository
        self._removed = RemovedSessions(repository)
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
            return await self._removed.remove(removal)

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
            return await self._removed.restore(removal)

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
            await self._removed.forget(removal)
        return len(expired)

    async def _across(self, guild_id: int, edge: datetime, scope: ResetScope) -> list[VoiceSession]:
        return await across(self._repository, guild_id, edge, scope.user_id, scope.channel_id)

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
                await self._removed.remove(found)
            elif found is not None and found.phase == "restoring":
                await self._removed.restore(found)


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

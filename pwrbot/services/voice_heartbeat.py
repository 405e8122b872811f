"""The heartbeat: up to when the sessions in the database are true, for a start after a crash.

Each process of a fleet keeps one for its shards. Between two runs the shards may be divided anew,
so a start reads the heartbeats of all processes there have been: an open session is of the last
one that had its guild, and ends at that one's heartbeat.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from pwrbot.entities import BotMeta
from pwrbot.repository import Repository, Tables
from pwrbot.services.voice_state import LONGEST
from pwrbot.shards import ALL, Shards, parse_shards

log = structlog.get_logger(__name__)

HEARTBEAT: Final = "voice_heartbeat"
"""Its key in bot_meta, followed by the process's shards where those are not all."""


class Beat(msgspec.Struct, frozen=True):
    """What a process last stored, as JSON in bot_meta."""

    start: int
    """Later starts have higher numbers. Not by the clock: machines differ, and are set back."""
    at: datetime | None
    """Aware, UTC. None: the process has not vouched for anything yet."""


class Heartbeat:
    """The stored heartbeat of one process: one row, written in one statement."""

    def __init__(self, repository: Repository, shards: Shards = ALL) -> None:
        self._repository = repository
        self._shards = shards
        self._start = 0

    async def beat(self, moment: datetime) -> bool:
        """Store the moment. False, and a line in the log, where that failed."""
        try:
            await self._repository.bot_meta.replace(self._row(moment.astimezone(UTC)))
        except Exception as error:  # the next beat may do better, whatever it was
            log.warning("voice_heartbeat_failed", error=f"{type(error).__name__}: {error}")
            return False
        return True

    async def recover(self, now: datetime) -> int:
        """End the open sessions of this process's guilds, each at the heartbeat of the process
        that had it; says how many there were. What no heartbeat vouches for is not kept."""
        mine = self._shards
        kept = ended = 0
        async with self._repository.transaction() as tx:
            beats = await _beats(tx)
            # The last one that had a guild comes first, and leaves nothing of it to the others.
            for former, beat in sorted(beats.items(), key=lambda each: -each[1].start):
                if not former.meets(mine):
                    continue
                guilds = _guilds(mine, former)
                if beat.at is not None:
                    # Of a clock that ran ahead: what lies in the future was not lived.
                    left_at = min(beat.at, now)
                    kept += await tx.voice_sessions.end_all(
                        **guilds, left_at=left_at, longest=LONGEST
                    )
                ended += await tx.open_voice_sessions.remove_all(**guilds)
            ended += await tx.open_voice_sessions.remove_all(**_guilds(mine, ALL))
            for former, beat in beats.items():
                if _settled(mine, beat, beats).covers(former):
                    await tx.bot_meta.delete(_key(former))
            self._start = 1 + max((beat.start for beat in beats.values()), default=0)
            await tx.bot_meta.replace(self._row(None))
        if ended:
            log.info("voice_sessions_recovered", ended=ended, kept=kept)
        return ended

    def _row(self, at: datetime | None) -> BotMeta:
        value = msgspec.json.encode(Beat(self._start, at)).decode()
        return BotMeta(_key(self._shards), value)


async def _beats(tables: Tables) -> dict[Shards, Beat]:
    """The heartbeat of every process there has been, by its shards."""
    beats: dict[Shards, Beat] = {}
    for row in await tables.bot_meta.select_all():
        name, _, shards = row.key.partition(" ")
        if name != HEARTBEAT:
            continue
        try:
            beat = msgspec.json.decode(row.value, type=Beat)
            if beat.at is not None and beat.at.tzinfo is None:
                raise ValueError
            beats[parse_shards(shards) if shards else ALL] = beat
        except (ValueError, msgspec.DecodeError):
            log.error("voice_heartbeat_unreadable")
    return beats


def _settled(mine: Shards, beat: Beat, beats: dict[Shards, Beat]) -> Shards:
    """Whose guilds have been recovered since that beat's start, as far as the count is mine."""
    since = (
        each for each, its in beats.items() if each.count == mine.count and its.start > beat.start
    )
    return Shards(tuple(sorted({*mine.ids, *(i for each in since for i in each.ids)})), mine.count)


def _key(shards: Shards) -> str:
    return HEARTBEAT if shards == ALL else f"{HEARTBEAT} {shards}"


def _guilds(mine: Shards, former: Shards) -> dict[str, Any]:
    return {
        "shard_count": mine.count,
        "shard_ids": list(mine.ids),
        "former_count": former.count,
        "former_ids": list(former.ids),
    }

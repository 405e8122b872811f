"""An import as a test runs it, and the plain definition of what its sessions come to."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from pwrbot.clock import ManualClock
from pwrbot.config import load_config
from pwrbot.entities import Entity, VoiceSession
from pwrbot.importing.progress import Progress
from pwrbot.importing.pwr_bot import import_pwr_bot
from pwrbot.importing.report import Report
from pwrbot.importing.source import open_source
from pwrbot.importing.target import open_target
from pwrbot.repository import Repository
from tools.pwr_bot_database import MIGRATIONS, Session, schema

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

TABLES = (
    "server_settings",
    "feeds",
    "feed_items",
    "feed_item_ids",
    "feed_polls",
    "subscribers",
    "feed_subscriptions",
    "open_voice_sessions",
    "voice_sessions",
)


async def bring(place: Path | str, url: str, *, dry: bool = False, now: datetime = NOW) -> Report:
    """Import a source into the database at the URL."""
    config = load_config({"DATABASE_URL": url})
    async with (
        open_source(str(place), lock_wait=0.1) as source,
        open_target(config, dry=dry) as target,
    ):
        progress = Progress(io.StringIO())
        return await import_pwr_bot(source, target, ManualClock(now), progress, dry=dry)


async def stored(url: str) -> dict[str, list[Entity]]:
    """Every row of the tables an import may add to."""
    repository = await Repository.open(url)
    try:
        return {table: await getattr(repository, table).select_all() for table in TABLES}
    finally:
        await repository.close()


def numbers(report: Report, kind: str) -> tuple[int, int, int, int]:
    """What was read, added, there and left out."""
    tally = report.tally(kind)
    return tally.read, tally.added, tally.there, tally.left_out


def make(path: Path, version: int, rows: dict[str, Iterable[Sequence[Any]]]) -> Path:
    """A file of that version of pwr-bot with these rows, each with all columns of its table."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for number in MIGRATIONS[:version]:
            connection.executescript(schema(str(number)))
        for table, values in rows.items():
            for row in values:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    return path


def plain(
    rows: Iterable[Session], heartbeat: datetime | None, now: datetime = NOW
) -> set[VoiceSession]:
    """What the sessions come to, by the rules as docs/import.md tells them, and nothing else."""
    members: dict[tuple[int, int], list[Session]] = {}
    for row in rows:
        leave = row.leave
        if row.active and heartbeat is not None:
            leave = max(leave, heartbeat)
        if (
            min(row.guild_id, row.user_id, row.channel_id) > 0
            and row.join >= datetime(2015, 1, 1, tzinfo=UTC)
            and max(row.join, row.leave) <= now
            and timedelta() < leave - row.join <= timedelta(days=60)
        ):
            member = members.setdefault((row.guild_id, row.user_id), [])
            member.append(row._replace(leave=leave))
    return {
        VoiceSession(
            guild_id=one.guild_id,
            user_id=one.user_id,
            joined_at=one.join,
            channel_id=one.channel_id,
            left_at=min([one.leave, *(other.join for other in member if other.join > one.join)]),
        )
        for member in members.values()
        for one in member
        if all(
            (one.leave, one.channel_id) >= (other.leave, other.channel_id)
            for other in member
            if other.join == one.join
        )
    }


def overlaps(sessions: Iterable[VoiceSession]) -> list[tuple[VoiceSession, VoiceSession]]:
    """Those of a member that overlap another."""
    ordered = sorted(sessions, key=lambda one: (one.guild_id, one.user_id, one.joined_at))
    return [
        (one, following)
        for one, following in pairwise(ordered)
        if (one.guild_id, one.user_id) == (following.guild_id, following.user_id)
        and one.left_at > following.joined_at
    ]

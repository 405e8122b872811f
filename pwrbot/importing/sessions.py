"""The voice sessions: read member by member, mended, and added in batches of whole members."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final

from pwrbot.entities import VoiceSession
from pwrbot.importing.mending import Facts, Row, Session, mend, without
from pwrbot.importing.progress import Progress
from pwrbot.importing.report import Report
from pwrbot.importing.rules import Rule
from pwrbot.importing.source import Source
from pwrbot.importing.target import Stage, Target
from pwrbot.importing.values import snowflake

KIND: Final = "voice sessions"

_BATCH: Final = 50_000
"""Rows of whole members from which on they are added in one transaction: the more, the closer
together they lie in the roll-ups."""

_INSTANT: Final = timedelta.resolution


async def import_sessions(
    source: Source, target: Target, report: Report, progress: Progress, facts: Facts
) -> None:
    """Add what the sessions come to beside those that are there."""
    total = await source.count_sessions()
    tally = report.tally(KIND)
    waiting: list[list[Session]] = []
    rows_waiting = 0
    async for rows in _members(source):
        tally.read += len(rows)
        mended = mend(rows, facts)
        tally.left_out += len(rows) - len(mended.sessions)
        for rule, row in mended.findings:
            _tell(report, rule, row)
        waiting.append(mended.sessions)
        rows_waiting += len(mended.sessions)
        if rows_waiting >= _BATCH:
            await _add(waiting, target, report)
            waiting, rows_waiting = [], 0
            progress.at(KIND, tally.read, total)
    await _add(waiting, target, report)


async def _members(source: Source) -> AsyncIterator[list[Row]]:
    """The rows of one member of one server after another."""
    rows: list[Row] = []
    async for values in source.rows("voice_sessions"):
        row = Row(*values)
        if rows and (row.user_id != rows[0].user_id or row.guild_id != rows[0].guild_id):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


async def _add(members: Sequence[Sequence[Session]], target: Target, report: Report) -> None:
    """Add the sessions of these members, all or none."""
    tally = report.tally(KIND)
    added: list[VoiceSession] = []
    taken = 0
    async with target.stage() as stage:
        for sessions in members:
            for session, parts in await _beside_what_is_there(sessions, stage):
                if not parts:
                    tally.there += 1
                    continue
                taken += 1
                added += parts
                time = sum((part.left_at - part.joined_at for part in parts), timedelta())
                if time < session.left_at - session.joined_at:
                    _tell(report, Rule.MADE_ROOM, session.row)
        await stage.add_sessions(added)
    tally.added += taken
    report.session_rows += len(added)
    report.time += sum((one.left_at - one.joined_at for one in added), timedelta())


async def _beside_what_is_there(
    sessions: Sequence[Session], stage: Stage
) -> list[tuple[Session, list[VoiceSession]]]:
    """The sessions of one member, each with what of it overlaps nothing that is there."""
    if not sessions:
        return []
    guild_id, user_id = _member(sessions[0].row)
    # From an instant before: an empty session that begins together with the first counts too.
    since, until = sessions[0].joined_at - _INSTANT, sessions[-1].left_at
    there = await stage.spans(guild_id, user_id, since, until)
    return [
        (
            session,
            [
                VoiceSession(
                    guild_id=guild_id,
                    user_id=user_id,
                    joined_at=part.joined_at,
                    channel_id=part.channel_id,
                    left_at=part.left_at,
                )
                for part in ([session] if not there else without(session, there))
            ],
        )
        for session in sessions
    ]


def _member(row: Row) -> tuple[int, int]:
    guild_id, user_id = snowflake(row.guild_id), snowflake(row.user_id)
    if guild_id is None or user_id is None:
        raise ValueError("a session whose ids are none was not left out")
    return guild_id, user_id


def _tell(report: Report, rule: Rule, row: Row) -> None:
    example = ""
    if report.wants_example(rule):
        example = (
            f"server {row.guild_id}, member {row.user_id}, channel {row.channel_id}: "
            f"{row.joined} to {'now' if row.active else row.left}"
        )
    report.found(rule, example)

"""How each answer about voice is found: by key, in what is added up, whatever the history.

The very statements that the services run, with the values they give, are explained by both engines
over a database that holds some history and has looked at it.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from pwrbot.clock import ManualClock
from pwrbot.entities import OpenVoiceSession, Settings, VoiceDeparture, VoiceSession, VoiceSettings
from pwrbot.repository import Repository
from pwrbot.repository.engine.postgres import PostgresEngine
from pwrbot.repository.engine.sqlite import SQLiteEngine
from pwrbot.repository.statement import Statement
from pwrbot.services.activity import VoiceActivity
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from tests.services.filling import fill

GUILD, MEMBER = 1, 3
GUILDS, MEMBERS, CHANNELS = 4, 100, 8
ALL_GUILDS = 300  # with somebody in voice, and somebody who left
NOW = datetime(2026, 11, 21, 12, 7, tzinfo=UTC)
HISTORY = timedelta(days=600)
SESSIONS = 20_000
OLD = 1_000  # sessions from before that history

KEYS = {
    "voice_sessions.leaderboard": {
        "voice_member_totals": {"guild_id", "period"},
        "voice_segments": {"guild_id", "day"},
        "open_voice_sessions": {"guild_id"},
        "voice_departures": {"guild_id"},
    },
    "voice_sessions.channels": {
        "voice_channel_totals": {"guild_id", "period"},
        "voice_segments": {"guild_id", "day"},
        "open_voice_sessions": {"guild_id"},
    },
    "voice_sessions.partners": {
        "voice_sessions": {"guild_id", "user_id"},
        "voice_segments": {"guild_id", "day", "channel_id"},
        "open_voice_sessions": {"guild_id"},
    },
    "voice_sessions.spans": {
        "voice_sessions": {"guild_id", "user_id"},
        "open_voice_sessions": {"guild_id", "user_id"},
    },
    "voice_hours.between": {"voice_hours": {"guild_id", "hour"}},
    "voice_hours.totals": {"voice_hours": {"guild_id", "hour"}},
    "voice_hours.at": {"voice_hours": {"guild_id", "hour"}},
    "voice_segments.together": {"voice_segments": {"guild_id", "day"}},
    "open_voice_sessions.in_guild": {"open_voice_sessions": {"guild_id"}},
}
"""The tables that each answer reads, and the part of its key by which each is at least searched."""

TABLES = frozenset(table for tables in KEYS.values() for table in tables)

PARTS = {
    f"voice_member_{length}_totals": "voice_member_totals" for length in ("day", "month", "year")
}
"""The partitions of a table, on PostgreSQL."""


class Read(msgspec.Struct, frozen=True):
    """One step of a plan that reads a table."""

    table: str
    by: frozenset[str]
    """The columns of the key that are searched for; none where it is read from end to end."""


class Run(msgspec.Struct, frozen=True):
    """A statement that a service ran."""

    statement: Statement
    values: Sequence[Any]


def history() -> list[VoiceSession]:
    """Everybody has sessions of up to three hours on days all over it, those of a member apart."""
    chance = random.Random(4)
    each = SESSIONS // (GUILDS * MEMBERS)
    rows: list[VoiceSession] = []
    for guild_id in range(1, GUILDS + 1):
        for user_id in range(1, MEMBERS + 1):
            for number in range(each):
                begun = NOW - HISTORY * ((number + chance.random() * 0.9) / each)
                length = timedelta(minutes=chance.randrange(1, 180))
                channel_id = chance.randrange(CHANNELS)
                rows.append(VoiceSession(guild_id, user_id, begun - length, channel_id, begun))
    return rows


@pytest.fixture(scope="module")
def filled_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database with history, for all tests of an engine."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("plans") / "pwrbot.db"
        path.write_bytes(request.getfixturevalue("migrated_sqlite").read_bytes())
        url = f"sqlite:///{path}"
        _fill(url)
        yield url
        return
    server = request.getfixturevalue("postgres_server")
    url = server.create(template=request.getfixturevalue("migrated_postgres"))
    _fill(url)
    yield url
    server.drop(url)


def _fill(url: str) -> None:
    fill(url, history())
    running = [
        OpenVoiceSession(guild_id, user_id, user_id % CHANNELS, NOW - timedelta(minutes=user_id))
        for guild_id in range(1, ALL_GUILDS + 1)
        for user_id in range(1, 11)
    ]
    fill(url, running)
    left = [
        VoiceDeparture(guild_id, MEMBERS - number, "Ada", NOW)
        for guild_id in range(1, ALL_GUILDS + 1)
        for number in range(10)
    ]
    fill(url, left)


@pytest.fixture
async def asked(filled_url: str, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Every statement that the services ran for every kind of question."""
    runs: list[Run] = []
    for engine in (SQLiteEngine, PostgresEngine):
        _listen(engine, runs, monkeypatch)
    repository = await Repository.open(filled_url)
    clock = ManualClock(NOW)
    settings = SettingsService(repository, clock)
    await settings.update(
        GUILD, lambda _: Settings(timezone="Asia/Kolkata", voice=VoiceSettings(hide_left=True))
    )
    runs.clear()
    statistics = VoiceStatistics(repository, clock, settings)
    activity = VoiceActivity(repository, clock, settings)
    for chosen in Range:
        board = await statistics.leaderboard(GUILD, chosen, 2, viewer_id=MEMBER)
        assert board.own is not None
        assert (await statistics.channels(GUILD, chosen)).rows
        partners = await statistics.partners(GUILD, MEMBER, chosen)
        assert (await statistics.stats(GUILD, MEMBER, chosen)).total
        assert (await activity.of_range(GUILD, chosen, MEMBER)).total
        seen = await activity.of_range(GUILD, chosen)
        assert seen.total
        assert await activity.days(GUILD, seen.since, seen.until, seen.zone) == seen.days
    await repository.close()
    assert partners.rows
    return runs


def _listen(engine: type[Any], runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = engine.fetch

    async def listening(self: Any, statement: Statement, values: Sequence[Any]) -> Any:
        runs.append(Run(statement, values))
        return await fetch(self, statement, values)

    monkeypatch.setattr(engine, "fetch", listening)


@pytest.mark.parametrize("filled_url", ["sqlite"], indirect=True)
async def test_sqlite_searches_by_key(filled_url: str, asked: list[Run], tmp_path: Path) -> None:
    """Whether or not it has looked at what it holds: as a rule a bot does so when it stops."""
    file, blank = filled_url.removeprefix("sqlite:///"), tmp_path / "blank.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(blank)) as target:
        source.backup(target)
        assert target.execute("DELETE FROM sqlite_stat1").rowcount > 0
        target.commit()
    assert {run.statement.name for run in asked} == KEYS.keys()
    for path in (file, blank):
        with closing(sqlite3.connect(path)) as connection:
            for run in asked:
                text = f"EXPLAIN QUERY PLAN {run.statement.sql}"
                lines = [str(step[3]) for step in connection.execute(text, run.values)]
                # Either is made from the whole of a table.
                assert not [line for line in lines if re.search("AUTOMATIC|BLOOM", line)], lines
                reads = list(_reads_sqlite(run.statement, lines))
                check_reads(run.statement.name, reads, lines, whole=True)


@pytest.mark.parametrize("filled_url", ["sqlite"], indirect=True)
async def test_partners_do_not_meet_who_is_there_with_the_whole_history(
    filled_url: str, asked: list[Run]
) -> None:
    """A plan does not tell how often a step is done: the instructions of SQLite's machine do."""
    run = [run for run in asked if run.statement.name == "voice_sessions.partners"][-1]
    just_now = int((NOW - timedelta(minutes=1)).timestamp()) * 1_000_000
    steps: list[int] = []
    with closing(sqlite3.connect(filled_url.removeprefix("sqlite:///"))) as connection:
        for users in (range(0), range(1000, 1300)):
            connection.executemany(
                "INSERT INTO open_voice_sessions VALUES (?, ?, ?, ?)",
                [(GUILD, user_id, 0, just_now) for user_id in users],
            )
            counted = count(1)
            connection.set_progress_handler(lambda counted=counted: next(counted) < 0, 1)
            connection.execute(run.statement.sql, run.values).fetchall()
            connection.set_progress_handler(None, 0)
            steps.append(next(counted))
    few, many = steps
    assert many - few < 300 * 50, steps


@pytest.mark.parametrize("filled_url", ["sqlite"], indirect=True)
async def test_sqlite_reads_no_history_for_a_week(filled_url: str, asked: list[Run]) -> None:
    """Of a member: what began long before the week is found only where it took long."""
    with closing(sqlite3.connect(filled_url.removeprefix("sqlite:///"))) as connection:
        for run in _of_a_week(asked):
            steps: list[int] = []
            for rows in ([], _long_ago()):
                connection.executemany(
                    "INSERT INTO voice_sessions VALUES (?, ?, ?, ?, ?)",
                    [(*row[:2], _micros(row[2]), row[3], _micros(row[4])) for row in rows],
                )
                counted = count(1)
                connection.set_progress_handler(lambda counted=counted: next(counted) < 0, 1)
                connection.execute(run.statement.sql, run.values).fetchall()
                connection.set_progress_handler(None, 0)
                steps.append(next(counted))
            connection.rollback()
            few, many = steps
            assert many - few < OLD, (run.statement.name, steps)


@pytest.mark.parametrize("filled_url", ["postgres"], indirect=True)
async def test_postgres_reads_no_history_for_a_week(filled_url: str, asked: list[Run]) -> None:
    """The same, by the rows of sessions that were fetched; also with a plan for any values."""
    connection = await asyncpg.connect(filled_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.executemany(
            "INSERT INTO pwrbot.voice_sessions VALUES ($1, $2, $3, $4, $5)", _long_ago()
        )
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
            for run in _of_a_week(asked):
                before = await _fetched(connection)
                await connection.fetch(run.statement.sql, *run.values)
                assert await _fetched(connection) - before < OLD // 10, (mode, run.statement.name)
    finally:
        await transaction.rollback()
        await connection.close()


def _of_a_week(asked: list[Run]) -> list[Run]:
    """What was asked about a member's past seven days: the streak is another question of spans."""
    week = NOW - timedelta(days=7)
    found = [
        run
        for run in asked
        if run.statement.name in {"voice_sessions.spans", "voice_sessions.partners"}
        and run.values[list(run.statement.parameters).index("since")] in {week, _micros(week)}
    ]
    assert {run.statement.name for run in found} == {
        "voice_sessions.spans",
        "voice_sessions.partners",
    }
    return found


def _long_ago() -> list[tuple[int, int, datetime, int, datetime]]:
    first = NOW - HISTORY - timedelta(days=OLD)
    starts = [first + timedelta(days=number) for number in range(OLD)]
    return [(GUILD, MEMBER, at, 1, at + timedelta(hours=1)) for at in starts]


async def _fetched(connection: Any) -> int:
    read = await connection.fetchrow(
        "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables"
        " WHERE schemaname = 'pwrbot' AND relname = 'voice_sessions'"
    )
    return int(read["seq_tup_read"] + read["idx_tup_fetch"])


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize("filled_url", ["postgres"], indirect=True)
async def test_postgres_searches_by_key(filled_url: str, asked: list[Run]) -> None:
    """Both with the values known and with a plan for any: asyncpg's statements come to that."""
    assert {run.statement.name for run in asked} == KEYS.keys()
    connection = await asyncpg.connect(filled_url)
    try:
        for run in asked:
            explained = await connection.fetchval(
                f"EXPLAIN (FORMAT JSON) {run.statement.sql}", *run.values
            )
            plan = json.loads(explained)[0]["Plan"]
            # A part that these values leave empty is not read at all.
            check_reads(run.statement.name, list(_reads_postgres(plan)), plan, whole=False)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        for statement in {run.statement.name: run.statement for run in asked}.values():
            await connection.execute(f"PREPARE any_values AS {statement.sql}")
            nulls = ", ".join(["NULL"] * len(statement.parameters))
            explained = await connection.fetchval(
                f"EXPLAIN (FORMAT JSON) EXECUTE any_values({nulls})"
            )
            await connection.execute("DEALLOCATE any_values")
            plan = json.loads(explained)[0]["Plan"]
            check_reads(statement.name, list(_reads_postgres(plan)), plan, whole=True)
    finally:
        await connection.close()


@pytest.mark.parametrize("filled_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("days", [1, 20, 400])
async def test_what_deletes_sessions_reads_no_more_than_they_are(
    filled_url: str, days: int
) -> None:
    """Triggers have plans of their own, which no EXPLAIN shows: the rows that were read count."""
    connection = await asyncpg.connect(filled_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL search_path = pwrbot")
        sessions = await connection.execute(
            "DELETE FROM voice_sessions WHERE guild_id = $1 AND joined_at > $2",
            GUILD,
            NOW - timedelta(days=days),
        )
        deleted = int(sessions.rpartition(" ")[2])
        assert deleted > 5
        for table in ("voice_segments", *PARTS, "voice_channel_totals"):
            read = await connection.fetchrow(
                "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables"
                " WHERE schemaname = 'pwrbot' AND relname = $1",
                table,
            )
            assert read is not None
            assert read["seq_tup_read"] == 0, table
            assert read["idx_tup_fetch"] <= 40 * deleted, (table, read, deleted)
    finally:
        await transaction.rollback()
        await connection.close()


@pytest.mark.parametrize("filled_url", ["postgres"], indirect=True)
async def test_totals_of_years_are_not_spread_among_those_of_days(filled_url: str) -> None:
    """A board of a year reads a row for each member: from the few pages that these fill, though
    they came one by one, day after day.
    """
    guild_id = ALL_GUILDS + 1
    connection = await asyncpg.connect(filled_url)
    try:
        await connection.execute("SET search_path = pwrbot")
        for day in range(MEMBERS):
            await connection.execute(
                "INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)"
                " SELECT $1, member, $2, 1, $3 FROM generate_series(0, $4::int) AS m (member)",
                guild_id,
                datetime(2026, 1, 1, 1, tzinfo=UTC) + timedelta(days=day),
                datetime(2026, 1, 1, 2, tzinfo=UTC) + timedelta(days=day),
                day,
            )
        for period in (0, 2026):
            found = await connection.fetchrow(
                "SELECT count(*) AS rows, count(DISTINCT (ctid::text::point)[0]) AS pages"
                " FROM voice_member_totals WHERE guild_id = $1 AND period = $2",
                guild_id,
                period,
            )
            assert found is not None
            assert found["rows"] == MEMBERS
            assert found["pages"] <= 20, period
    finally:
        await connection.execute("DELETE FROM voice_sessions WHERE guild_id = $1", guild_id)
        await connection.close()


def check_reads(name: str, reads: list[Read], plan: object, *, whole: bool) -> None:
    """Only what the answer may read, and of each table only a stretch of its key.

    ``whole``: all of these tables are read.
    """
    assert reads, plan
    tables = {read.table for read in reads}
    assert tables <= KEYS[name].keys(), (name, plan)
    if whole:
        assert tables == KEYS[name].keys(), (name, plan)
    for read in reads:
        assert KEYS[name][read.table] <= read.by, (name, read, plan)


_STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:PRIMARY KEY|(?:\w+ )?INDEX \w+) \((.*)\))?")
_NAMED = re.compile(r"\b(?:FROM|JOIN) (\w+) AS (\w+)")


def _reads_sqlite(statement: Statement, lines: Sequence[str]) -> Iterator[Read]:
    named: dict[str, list[str]] = {}
    for table, name in _NAMED.findall(statement.sql):
        named.setdefault(name, []).append(table)
    for line in lines:
        step = _STEP.match(line)
        if step is None:
            continue
        by = frozenset(re.findall(r"(\w+)[=<>]", step[3] or "") if step[1] == "SEARCH" else ())
        tables = [table for table in named.get(step[2], [step[2]]) if table in TABLES]
        if tables:
            # A name can stand for one table here and another there: for the one that the step
            # is good enough for. Where it should have been the other, that one is missed.
            keys = KEYS[statement.name]
            fitting = (table for table in tables if keys.get(table, by) <= by)
            yield Read(next(fitting, tables[0]), by)


def _reads_postgres(step: Mapping[str, Any], table: str | None = None) -> Iterator[Read]:
    named = step.get("Relation Name")
    here = PARTS.get(named, named) if named else None
    table = here or table
    condition = step.get("Index Cond")
    if step["Node Type"] == "Bitmap Heap Scan" and here in TABLES:
        pass  # its table is read by the index below
    elif step["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        if table in TABLES:
            columns = re.findall(r"\b(\w+) [=<>]", condition or "")
            yield Read(table, frozenset(columns))
    elif here in TABLES:
        yield Read(here, frozenset())
    for child in step.get("Plans", ()):
        yield from _reads_postgres(child, table)

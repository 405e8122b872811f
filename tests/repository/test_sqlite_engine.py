"""SQLite's own: shared commits, a full disk, interrupted statements, damaged files, threads."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from pwrbot.entities import BotMeta, Entity, Key
from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseError,
    DatabaseFull,
    DatabaseUnavailable,
    UniqueViolation,
)
from pwrbot.repository.table import Table
from tests.repository.declaring import scratch

# No `from __future__ import annotations` here: the Protocols' types are looked at.


@pytest.fixture
async def repository(migrated_sqlite_url: str) -> AsyncGenerator[Repository]:
    opened = await Repository.open(migrated_sqlite_url, EngineOptions(readers=1))
    yield opened
    await opened.close()


async def in_writer(repository: Repository, function: Any) -> Any:
    """What a function of the writer's connection returns."""
    engine: Any = repository._engine
    return await engine._writer.call(function)


async def traced(repository: Repository) -> list[str]:
    """The statements that the writer runs from here on."""
    seen: list[str] = []
    await in_writer(repository, lambda c: c.set_trace_callback(seen.append))
    return seen


def some(count: int, size: int = 1) -> list[BotMeta]:
    return [BotMeta(f"{number:05}", "x" * size) for number in range(count)]


async def test_what_connections_are_set_to(repository: Repository) -> None:
    """What was acknowledged survives a power cut, and who only reads cannot change a row."""

    def settings(connection: sqlite3.Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    full = 2
    assert await in_writer(repository, settings) == ["wal", full, 1, 0]
    engine: Any = repository._engine
    assert [await reader.call(settings) for reader in engine._readers] == [["wal", full, 1, 1]]


# Shared commits


async def test_writes_at_the_same_time_share_commits(repository: Repository) -> None:
    seen = await traced(repository)
    stored = await asyncio.gather(*map(repository.bot_meta.insert, some(200)))
    assert stored == some(200)
    assert await repository.bot_meta.select_all() == some(200)
    assert len([sql for sql in seen if "INSERT" in sql]) == 200
    assert seen.count("COMMIT") == seen.count("BEGIN IMMEDIATE") <= 2


async def test_a_write_alone_needs_no_begin(repository: Repository) -> None:
    seen = await traced(repository)
    await repository.bot_meta.insert(BotMeta("a", ""))
    await repository.bot_meta.delete("a")
    assert "BEGIN IMMEDIATE" not in seen


async def test_a_statement_that_fails_fails_alone(repository: Repository) -> None:
    await repository.bot_meta.insert(BotMeta("00013", "first"))
    writes: list[Any] = [repository.bot_meta.insert(row) for row in some(50)]
    writes.append(repository.bot_meta.insert_many([*some(60)[50:], BotMeta("00013", "")]))
    writes.append(repository.bot_meta.insert_many(some(70)[60:]))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert failed == [13, 50]
    assert all(isinstance(outcomes[n], UniqueViolation) for n in failed)
    assert outcomes[51] == 10
    rows = {row.key: row.value for row in await repository.bot_meta.select_all()}
    assert rows.keys() == {row.key for row in some(70)} - {row.key for row in some(60)[50:]}
    assert rows["00013"] == "first"


async def test_a_write_cancelled_before_its_turn_is_not_done(repository: Repository) -> None:
    async with repository.transaction() as tx:
        await tx.bot_meta.count()
        tasks = [asyncio.create_task(repository.bot_meta.insert(row)) for row in some(5)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert [row.key for row in await repository.bot_meta.select_all()] == [
        *("00000", "00002", "00003", "00004")
    ]


async def test_transactions_and_single_writes_take_turns(repository: Repository) -> None:
    async def add(row: BotMeta) -> None:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(row)
            await asyncio.sleep(0)
            await tx.bot_meta.update(row)

    rows = some(60)
    await asyncio.gather(
        *(add(r) if n % 2 else repository.bot_meta.insert(r) for n, r in enumerate(rows))
    )
    assert await repository.bot_meta.select_all() == rows


# A full disk


async def leave_room(repository: Repository, pages: int | None) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        most = 1 << 30 if pages is None else used + pages
        connection.execute(f"PRAGMA max_page_count = {most}")

    await in_writer(repository, limit)


async def test_a_full_disk_loses_only_what_does_not_fit(repository: Repository) -> None:
    await leave_room(repository, 3)
    rows = some(30, size=4_000)
    outcomes = await asyncio.gather(*map(repository.bot_meta.insert, rows), return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert errors
    assert all(type(error) is DatabaseFull for error in errors)
    kept = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome == row]
    assert await repository.bot_meta.select_all() == kept
    await leave_room(repository, None)
    await repository.bot_meta.insert(BotMeta("later", ""))
    assert await in_writer(repository, lambda c: c.in_transaction) is False


async def test_a_disk_that_fills_up_within_a_transaction(repository: Repository) -> None:
    await leave_room(repository, 3)

    async def fill() -> None:
        async with repository.transaction() as tx:
            for row in some(30, size=4_000):
                await tx.bot_meta.insert(row)

    with pytest.raises(DatabaseFull):
        await fill()
    with pytest.raises(DatabaseFull):
        await repository.bot_meta.insert_many(some(30, size=4_000))
    assert await repository.bot_meta.count() == 0
    await leave_room(repository, None)
    assert await repository.bot_meta.insert_many(some(30, size=4_000)) == 30


# Readers


async def test_a_reader_cannot_write(repository: Repository) -> None:
    engine: Any = repository._engine
    [reader] = engine._readers
    for sql in ("DELETE FROM bot_meta", "CREATE TABLE x (a)", "PRAGMA user_version = 1"):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader.call(lambda connection, sql=sql: connection.execute(sql))


# Long statements


class Number(Entity, frozen=True, gc=False):
    id: Key[int]


class Numbers(Table[Number, int], Protocol):
    async def long_read(self, *, limit: int) -> int: ...

    async def long_write(self, *, limit: int) -> int: ...

    async def with_first(self, *, least: int) -> int: ...

    async def each(self) -> AsyncIterator[int]: ...


COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < :limit)"
FILES: dict[str, str | bytes] = {
    "numbers.sql": f"""
-- name: long_read :value
-- Counts to the limit.
{COUNT}
SELECT COUNT(*) AS total FROM n;

-- name: long_write :rows
-- Stores the numbers to the limit.
{COUNT}
INSERT INTO numbers (id) SELECT i FROM n;

-- name: with_first :rows
-- Deletes what is greater.
WITH few AS (SELECT id FROM numbers WHERE id > :least)
DELETE FROM numbers WHERE id IN (SELECT id FROM few);

-- name: each :stream
-- The numbers.
SELECT id FROM numbers ORDER BY id;
"""
}
DDL = {"sqlite": "CREATE TABLE numbers (id INTEGER PRIMARY KEY) STRICT"}
FOR_EVER = 10**12


@pytest.fixture
async def numbers(sqlite_database_url: str, tmp_path: Path) -> AsyncGenerator[Any]:
    options = EngineOptions(readers=1, timeout=5)
    opening = scratch(sqlite_database_url, tmp_path, DDL, FILES, options, numbers=Numbers)
    async with opening as repository:
        yield repository


async def test_rows_are_counted_whatever_the_statement_begins_with(numbers: Any) -> None:
    assert await numbers.numbers.long_write(limit=1_000) == 1_000
    assert await numbers.numbers.with_first(least=900) == 100
    assert await numbers.numbers.with_first(least=900) == 0
    async with numbers.transaction() as tx:
        assert await tx.numbers.with_first(least=800) == 100


@pytest.mark.parametrize("seconds", [0, 0.05])
async def test_a_cancelled_read_stops_and_its_connection_goes_on(
    numbers: Any, seconds: float
) -> None:
    for _ in range(3):
        task = asyncio.create_task(numbers.numbers.long_read(limit=FOR_EVER))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await numbers.numbers.long_read(limit=5) == 5


@pytest.mark.parametrize("seconds", [0, 0.05])
async def test_a_cancelled_write_is_undone(numbers: Any, seconds: float) -> None:
    for _ in range(3):
        task = asyncio.create_task(numbers.numbers.long_write(limit=FOR_EVER))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await numbers.numbers.count() == 0
        assert await numbers.numbers.long_write(limit=5) == 5
        await numbers.numbers.with_first(least=0)


@pytest.mark.parametrize("nested", [False, True])
async def test_a_transaction_that_sqlite_rolled_back_is_not_taken_for_kept(
    numbers: Any, nested: bool
) -> None:
    """An interrupted write ends the whole transaction, savepoints and all."""
    engine: Any = numbers._engine

    async def work() -> None:
        async with numbers.transaction() as tx:
            await tx.numbers.insert(Number(0))
            if nested:
                async with tx.transaction() as part:
                    await part.numbers.long_write(limit=FOR_EVER)
            else:
                await tx.numbers.long_write(limit=FOR_EVER)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    engine._writer.interrupt_now()
    with pytest.raises(DatabaseBusy):
        await task
    assert await numbers.numbers.count() == 0
    await numbers.numbers.insert(Number(1))
    assert await numbers.numbers.count() == 1


async def test_a_cancelled_statement_beside_an_open_stream(numbers: Any) -> None:
    await numbers.numbers.long_write(limit=1_000)

    async def work() -> None:
        async with numbers.transaction() as tx:
            await tx.numbers.insert(Number(0))
            async for _ in tx.numbers.each():
                await tx.numbers.long_read(limit=FOR_EVER)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers.numbers.count() == 1_000
    await numbers.numbers.insert(Number(0))


async def test_a_statement_that_takes_too_long(sqlite_database_url: str, tmp_path: Path) -> None:
    options = EngineOptions(readers=1, timeout=1)
    opening = scratch(sqlite_database_url, tmp_path, DDL, FILES, options, numbers=Numbers)
    async with opening as repository:
        table = repository.numbers
        write = partial(table.long_write, limit=5)
        with pytest.raises(DatabaseBusy):
            await table.long_read(limit=FOR_EVER)
        with pytest.raises(DatabaseBusy):
            await table.long_write(limit=FOR_EVER)
        outcomes = await asyncio.gather(
            table.long_write(limit=FOR_EVER),
            table.long_write(limit=FOR_EVER),
            table.long_write(limit=FOR_EVER),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, DatabaseBusy) for outcome in outcomes)
        assert await table.count() == 0
        # What nobody waits for any more is interrupted in its turn.
        while isinstance((await asyncio.gather(write(), return_exceptions=True))[0], DatabaseBusy):
            pass
        assert await table.count() == 5


async def test_readers_are_waited_for_in_vain(sqlite_database_url: str, tmp_path: Path) -> None:
    options = EngineOptions(readers=1, timeout=1)
    opening = scratch(sqlite_database_url, tmp_path, DDL, FILES, options, numbers=Numbers)
    async with opening as repository:
        reads = [repository.numbers.long_read(limit=FOR_EVER) for _ in range(3)]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(outcome, DatabaseBusy) for outcome in outcomes)
        assert await repository.numbers.count() == 0


async def test_another_process_that_writes(
    repository: Repository, migrated_sqlite_url: str
) -> None:
    other = sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert await repository.bot_meta.count() == 0
        write = asyncio.create_task(repository.bot_meta.insert(BotMeta("a", "")))
        await asyncio.sleep(0.05)
        other.execute("ROLLBACK")
        await write
    finally:
        other.close()


# Files


async def refused(path: Path, kind: type[DatabaseError]) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(kind) as caught:
        await Repository.open(f"sqlite:///{path}")
    assert type(caught.value) is kind
    assert set(threading.enumerate()) == threads


async def test_a_file_that_cannot_be_looked_at_is_written_to(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be there as before: a directory that lost its x bit, a network's moment of trouble."""
    stat = Path.stat

    def refuse(path: Path, **options: Any) -> os.stat_result:
        if path.suffix == ".db":
            raise PermissionError
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    await repository.bot_meta.insert(BotMeta("a", "x"))
    assert await repository.bot_meta.count() == 1


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_taken_away_is_not_written_to(
    migrated_sqlite_url: str, tmp_path: Path, replaced: bool
) -> None:
    """What is written to it would be gone with the process. What is put back is gone on with."""
    path, away = tmp_path / "pwrbot.db", tmp_path / "away.db"
    opened = await Repository.open(migrated_sqlite_url)
    try:
        await opened.bot_meta.insert(BotMeta("before", "x"))
        path.rename(away)
        if replaced:
            path.write_bytes(away.read_bytes())

        async def in_transaction() -> None:
            async with opened.transaction() as tx:
                await tx.bot_meta.insert(BotMeta("meanwhile", "x"))

        attempts = [
            opened.bot_meta.insert(BotMeta("one", "x")),
            opened.bot_meta.insert_many(some(3)),
            in_transaction(),
            *map(opened.bot_meta.insert, some(20)),  # they share a commit
        ]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
        assert "moved, removed or replaced" in str(outcomes[0])
        away.rename(path)
        await in_transaction()
        found = await opened.bot_meta.select_all()
        assert [row.key for row in found] == ["before", "meanwhile"]
        path.unlink()
    finally:
        await opened.close()


async def test_files_that_are_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database " * 1_000)
    (tmp_path / "directory.db").mkdir()
    await refused(tmp_path / "text.db", DatabaseCorrupt)
    await refused(tmp_path / "directory.db", DatabaseUnavailable)
    await refused(tmp_path / "missing.db", DatabaseUnavailable)
    await refused(tmp_path / "missing" / "missing.db", DatabaseUnavailable)
    assert sorted(os.listdir(tmp_path)) == ["directory.db", "text.db"]


async def test_a_file_whose_schema_is_damaged(migrated_sqlite_url: str) -> None:
    path = migrated_sqlite_url.removeprefix("sqlite:///")
    with open(path, "r+b") as file:  # noqa: ASYNC230
        file.seek(100)
        file.write(b"\xff" * 3_000)
    await refused(Path(path), DatabaseCorrupt)


async def test_a_page_that_is_damaged_is_found_when_it_is_read(migrated_sqlite_url: str) -> None:
    path = migrated_sqlite_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    [(page,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'bot_meta'")
    [(size,)] = connection.execute("PRAGMA page_size")
    connection.close()
    with open(path, "r+b") as file:  # noqa: ASYNC230
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    repository = await Repository.open(migrated_sqlite_url)
    for attempt in (
        repository.bot_meta.select_all(),
        repository.bot_meta.insert(BotMeta("a", "")),
    ):
        with pytest.raises(DatabaseCorrupt):
            await attempt
    assert await repository.feeds.count() == 0
    await repository.close()


# Threads


async def test_no_thread_is_left_after_close(migrated_sqlite_url: str) -> None:
    threads = set(threading.enumerate())
    repository = await Repository.open(migrated_sqlite_url, EngineOptions(readers=3))
    assert len(threading.enumerate()) == len(threads) + 4
    await repository.close()
    assert set(threading.enumerate()) == threads


async def test_a_transaction_that_never_ends_does_not_keep_the_bot_from_stopping(
    migrated_sqlite_url: str,
) -> None:
    repository = await Repository.open(migrated_sqlite_url, EngineOptions(timeout=1))
    inserted = asyncio.Event()

    async def hang() -> None:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(BotMeta("a", ""))
            inserted.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    async with asyncio.timeout(20):
        await inserted.wait()
    await repository.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = await Repository.open(migrated_sqlite_url)
    assert await again.bot_meta.count() == 0
    await again.close()

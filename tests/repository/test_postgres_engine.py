"""PostgreSQL's own: who is refused, what is tried again, and that connections keep no state."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import psycopg
import pytest
import structlog

from pwrbot.entities import BotMeta, Entity, Key
from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine import postgres as module
from pwrbot.repository.engine.postgres import PostgresEngine
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseUnavailable,
    QueryFileError,
    UniqueViolation,
)
from pwrbot.repository.migrations import migrate
from pwrbot.repository.table import Table
from pwrbot.repository.url import PostgresURL, parse_url
from tests.repository.declaring import scratch

# No `from __future__ import annotations` here: the Protocols' types are looked at.

PASSWORD = re.compile(r"(?<=:)[^:@/]+(?=@)")
SECRET = "hunter2hunter2"


@pytest.fixture
async def repository(migrated_postgres_url: str) -> AsyncGenerator[Repository]:
    opened = await Repository.open(migrated_postgres_url, EngineOptions(pool_min=3, timeout=5))
    yield opened
    await opened.close()


def terminate(url: str) -> int:
    """End every connection to this database but one's own, and wait until they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as server:
        ended = server.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}").fetchall()
    return len(ended)


def one(url: str, sql: str) -> Any:
    with psycopg.connect(url, autocommit=True) as server:
        row = server.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


# Connecting


async def setting(repository: Repository, name: str) -> str:
    engine = repository._engine
    assert isinstance(engine, PostgresEngine)
    async with engine._connection() as connection:
        return str(await connection.fetchval("SELECT current_setting($1)", name))


async def test_no_answer_is_compiled_or_waits_for_workers(repository: Repository) -> None:
    assert await setting(repository, "jit") == "off"
    assert await setting(repository, "max_parallel_workers_per_gather") == "0"
    assert await setting(repository, "timezone") == "UTC"


async def test_a_pooler_that_passes_no_such_settings_on_is_fine(
    migrated_postgres_url: str,
) -> None:
    """PgBouncer ends a connection that asks for one: its ``ignore_startup_parameters``."""
    url = parse_url(migrated_postgres_url)
    assert isinstance(url, PostgresURL)
    ((host, there),) = url.hosts
    turned_away = 0
    handlers: list[asyncio.Task[Any] | None] = []

    async def pooled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turned_away
        handlers.append(asyncio.current_task())
        first = await packet(reader)
        if first[4:] == bytes.fromhex("04d2162f"):  # asks for TLS
            writer.write(b"N")
            first = await packet(reader)
        if b"jit" in first:
            turned_away += 1
            fields = b"SFATAL\0C08P01\0Munsupported startup parameter: jit\0\0"
            writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
            await closed(writer)
            return
        theirs, ours = await asyncio.open_connection(host, there)
        ours.write(first)
        await asyncio.gather(passed(reader, ours), passed(theirs, writer))

    async def packet(reader: asyncio.StreamReader) -> bytes:
        length = await reader.readexactly(4)
        return length + await reader.readexactly(int.from_bytes(length, "big") - 4)

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        await closed(writer)

    async def closed(writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    pooler = await asyncio.start_server(pooled, "127.0.0.1", 0)
    port = pooler.sockets[0].getsockname()[1]
    through = migrated_postgres_url.replace(f":{there}", f":{port}")
    opened = await Repository.open(through, EngineOptions(timeout=5))
    assert turned_away == 1
    assert await setting(opened, "timezone") == "UTC"
    await opened.close()
    pooler.close()
    await pooler.wait_closed()
    await asyncio.gather(*(task for task in handlers if task is not None))


async def refused(url: str, message: str) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(DatabaseUnavailable) as caught:
        await Repository.open(url)
    assert message in str(caught.value)
    assert logs == []
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


async def test_refused_at_once_without_a_secret(migrated_postgres_url: str) -> None:
    wrong = PASSWORD.sub(SECRET, migrated_postgres_url)
    assert wrong != migrated_postgres_url
    await refused(wrong, "refused the user or the password; check DATABASE_URL")
    nobody = re.sub(r"//[^:]+", "//nobody", wrong)
    await refused(nobody, "refused the user or the password; check DATABASE_URL")
    missing = re.sub(r"/pwrbot_test_\w+", "/pwrbot_no_such", migrated_postgres_url)
    await refused(missing, "no such database; create it or check DATABASE_URL")
    await refused(f"{migrated_postgres_url}?sslmode=require", "the server offers no TLS")


async def test_unreachable_is_tried_again_and_then_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = parse_url(f"postgresql://u:{SECRET}@127.0.0.1:{taken.getsockname()[1]}/d")
        assert isinstance(url, PostgresURL)
        with structlog.testing.capture_logs() as logs, pytest.raises(DatabaseUnavailable) as caught:
            await PostgresEngine.open(url, EngineOptions(), pauses=(0.001, 0.002))
    assert str(caught.value) == DatabaseUnavailable.__doc__
    assert [(log["event"], log["error"], log["retry_in"]) for log in logs] == [
        ("database_unreachable", "ConnectionRefusedError", 0.001),
        ("database_unreachable", "ConnectionRefusedError", 0.002),
    ]
    assert SECRET not in str(logs)


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting"), TimeoutError()],
)
async def test_a_server_that_comes_up_is_found(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    connect, attempts = module._pool, iter((error, error, None))

    async def flaky(url: PostgresURL, options: EngineOptions) -> Any:
        if failure := next(attempts):
            raise failure
        return await connect(url, options)

    monkeypatch.setattr(module, "_pool", flaky)
    url = parse_url(migrated_postgres_url)
    assert isinstance(url, PostgresURL)
    engine = await PostgresEngine.open(url, EngineOptions(), pauses=(0, 0))
    assert (await engine.version()).startswith("PostgreSQL ")
    await engine.close()


async def test_a_schema_of_another_name(postgres_database_url: str) -> None:
    migrate(parse_url(postgres_database_url), schema="other")
    with pytest.raises(QueryFileError, match=r'relation "pwrbot\.feeds" does not exist'):
        await Repository.open(postgres_database_url)
    repository = await Repository.open(postgres_database_url, EngineOptions(schema="other"))
    await repository.bot_meta.insert(BotMeta("a", ""))
    await repository.close()
    assert one(postgres_database_url, "SELECT count(*) FROM other.bot_meta") == 1


# Connections that are lost


async def test_connections_that_died_idle_are_replaced(
    repository: Repository, migrated_postgres_url: str
) -> None:
    await asyncio.gather(*(repository.bot_meta.count() for _ in range(3)))
    for attempt in range(3):
        assert await asyncio.to_thread(terminate, migrated_postgres_url) > 0
        await asyncio.sleep(0.05)  # in one turn of the loop asyncpg reads why, in the next the end
        if attempt == 0:
            assert await repository.bot_meta.count() == 0
        elif attempt == 1:
            await repository.bot_meta.insert(BotMeta("a", ""))
        else:
            async with repository.transaction() as tx:
                await tx.bot_meta.insert(BotMeta("b", ""))
    assert await repository.bot_meta.count() == 2


async def test_many_reads_after_all_connections_died(
    repository: Repository, migrated_postgres_url: str
) -> None:
    await asyncio.gather(*(repository.bot_meta.count() for _ in range(10)))
    terminate(migrated_postgres_url)  # in the loop's own thread: it cannot notice before
    assert await asyncio.gather(*(repository.bot_meta.count() for _ in range(10))) == [0] * 10


class Nap(Entity, frozen=True, gc=False):
    id: Key[int]


class Naps(Table[Nap, int], Protocol):
    async def read(self, *, milliseconds: int) -> int: ...

    async def write(self, *, key: int, milliseconds: int) -> int: ...

    async def each(self) -> AsyncIterator[Nap]: ...


PAUSE = """(
    SELECT COUNT(*) AS n
    FROM (
        SELECT PG_SLEEP(
            CASE WHEN EXISTS (SELECT 1 FROM naps) THEN 0 ELSE :milliseconds / 1000.0 END
        ) AS z
    ) AS x
)"""
FILES: dict[str, str | bytes] = {
    f"naps.{engine}.sql": f"""
-- name: read :value
-- Takes its time, unless there is a row.
SELECT n FROM {PAUSE} AS y;

-- name: write :rows
-- Takes its time, unless there is a row, and stores one.
INSERT INTO naps (id) SELECT :key * n AS id FROM {PAUSE} AS y;

-- name: each :stream
-- The naps.
SELECT id FROM naps ORDER BY id;
"""
    for engine in ("sqlite", "postgres")
}
DDL = {"postgres": "CREATE TABLE naps (id BIGINT PRIMARY KEY)"}


async def running(url: str, name: str) -> None:
    """Return once a statement of this name runs."""
    sql = (
        f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '/* {name}%'"
    )
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(one, url, sql):
            pass


@pytest.fixture
async def naps(postgres_database_url: str, tmp_path: Path) -> AsyncGenerator[Any]:
    async with scratch(postgres_database_url, tmp_path, DDL, FILES, naps=Naps) as repository:
        yield repository


async def test_a_read_whose_connection_dies_is_done_again_over_a_new_one(
    naps: Any, postgres_database_url: str
) -> None:
    """The others may have died with it and not be known to: where a server stops, all do."""
    read = asyncio.create_task(naps.naps.read(milliseconds=60_000))
    await running(postgres_database_url, "naps.read")
    await asyncio.gather(*(naps.naps.insert(Nap(key)) for key in range(1, 5)))
    reads = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '/* naps.read%'"
    others = "SELECT pid FROM pg_stat_activity WHERE query LIKE '/* naps.insert%'"
    with psycopg.connect(postgres_database_url, autocommit=True) as server:
        before = {pid for (pid,) in server.execute(others)}
        assert len(before) > 1
        server.execute(f"SELECT pg_terminate_backend(pid, 5000) {reads}".encode())
        assert await read == 1
        assert before.isdisjoint(pid for (pid,) in server.execute(f"SELECT pid {reads}".encode()))


async def test_a_write_whose_connection_dies_is_not_done_again(
    naps: Any, postgres_database_url: str
) -> None:
    write = asyncio.create_task(naps.naps.write(key=1, milliseconds=10_000))
    await running(postgres_database_url, "naps.write")
    await asyncio.to_thread(terminate, postgres_database_url)
    with pytest.raises(DatabaseUnavailable, match=r"naps\.write: The database cannot be reached"):
        await write
    assert await naps.naps.write(key=1, milliseconds=0) == 1


@pytest.mark.parametrize("noticed", [False, True])
@pytest.mark.parametrize("nested", [False, True])
async def test_a_transaction_whose_connection_dies(
    naps: Any, postgres_database_url: str, nested: bool, noticed: bool
) -> None:
    async def work(tx: Any) -> None:
        await tx.naps.insert(Nap(1))
        if noticed:
            await asyncio.to_thread(terminate, postgres_database_url)
        else:
            terminate(postgres_database_url)
        await tx.naps.insert(Nap(2))

    async def whole() -> None:
        async with naps.transaction() as tx:
            if not nested:
                await work(tx)
                return
            with pytest.raises(DatabaseUnavailable):
                async with tx.transaction() as part:
                    await work(part)
            await tx.naps.insert(Nap(3))

    with pytest.raises(DatabaseError) as caught:
        await whole()
    if not nested:
        assert isinstance(caught.value, DatabaseUnavailable)
    assert await naps.naps.count() == 0


async def test_a_transaction_whose_connection_dies_before_its_end(
    naps: Any, postgres_database_url: str
) -> None:
    async def work(error: BaseException | None) -> None:
        async with naps.transaction() as tx:
            await tx.naps.insert(Nap(1))
            await asyncio.to_thread(terminate, postgres_database_url)
            if error:
                raise error

    with pytest.raises(DatabaseUnavailable):
        await work(None)
    with pytest.raises(KeyError):
        await work(KeyError("the block's own"))
    assert await naps.naps.count() == 0


# Time


async def test_a_statement_that_takes_too_long(postgres_database_url: str, tmp_path: Path) -> None:
    options = EngineOptions(timeout=1)
    opening = scratch(postgres_database_url, tmp_path, DDL, FILES, options, naps=Naps)
    async with opening as repository:
        for attempt in (
            repository.naps.read(milliseconds=60_000),
            repository.naps.write(key=1, milliseconds=60_000),
        ):
            with pytest.raises(
                DatabaseBusy, match=r"naps\.\w+: the database did not answer in time"
            ):
                await attempt
        assert await repository.naps.count() == 0


async def test_a_transaction_that_is_heard_of_no_more_holds_up_nobody(
    repository: Repository, migrated_postgres_url: str
) -> None:
    """As where the way to the server was cut in silence: nobody ends what it has locked."""
    cut_off = await Repository.open(migrated_postgres_url, EngineOptions(timeout=0.5))

    async def transaction() -> None:
        async with cut_off.transaction() as tx:
            await tx.bot_meta.insert(BotMeta("key", "of who was cut off"))
            await repository.bot_meta.insert(BotMeta("key", "of another"))

    with pytest.raises(DatabaseUnavailable):
        await transaction()
    assert await cut_off.bot_meta.select("key") == BotMeta("key", "of another")
    await cut_off.close()


async def test_a_cancelled_statement_leaves_its_connection_usable(
    postgres_database_url: str, tmp_path: Path
) -> None:
    options = EngineOptions(pool_max=1)
    opening = scratch(postgres_database_url, tmp_path, DDL, FILES, options, naps=Naps)
    async with opening as repository:
        task = asyncio.create_task(repository.naps.write(key=1, milliseconds=60_000))
        await running(postgres_database_url, "naps.write")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await repository.naps.count() == 0
        assert await repository.naps.write(key=1, milliseconds=0) == 1


async def test_a_slow_statement_is_logged_by_its_name_alone(migrated_postgres_url: str) -> None:
    repository = await Repository.open(migrated_postgres_url, EngineOptions(slow=0.0))
    with structlog.testing.capture_logs() as logs:
        await repository.bot_meta.insert(BotMeta(SECRET, SECRET))
        with pytest.raises(UniqueViolation):
            await repository.bot_meta.insert(BotMeta(SECRET, SECRET))
    await repository.close()
    assert [(log["event"], log["log_level"], log["query"]) for log in logs] == [
        ("slow_query", "warning", "bot_meta.insert"),
        ("slow_query", "warning", "bot_meta.insert"),
    ]
    assert SECRET not in str(logs)


# State


async def test_a_connection_goes_back_as_it_came(
    repository: Repository, migrated_postgres_url: str
) -> None:
    """The last thing the server saw of each is a statement of ours: no reset, nothing set."""
    await asyncio.gather(*(repository.bot_meta.insert(BotMeta(k, "")) for k in "abc"))
    with pytest.raises(UniqueViolation):
        await repository.bot_meta.insert(BotMeta("a", ""))
    with psycopg.connect(migrated_postgres_url, autocommit=True) as server:
        last = server.execute(
            "SELECT state, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchall()
    assert len(last) >= 3
    named = [query for _, query in last if query.startswith("/* bot_meta.insert */ INSERT INTO")]
    assert named
    for state, query in last:
        assert state == "idle"
        assert not re.search(r"RESET|DISCARD|UNLISTEN|pg_advisory_unlock", query)


async def test_behind_a_pooler_nothing_stays_prepared(migrated_postgres_url: str) -> None:
    options = EngineOptions(pgbouncer=True, pool_max=1)
    repository = await Repository.open(migrated_postgres_url, options)
    await repository.bot_meta.insert_many([BotMeta("a", ""), BotMeta("b", "")])
    async with repository.transaction() as tx:
        await tx.bot_meta.delete("a")
        async with tx.transaction() as part:
            assert await part.bot_meta.select("b") == BotMeta("b", "")
    engine: Any = repository._engine
    async with engine._connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") <= 1
        names = await connection.fetch("SELECT name FROM pg_prepared_statements WHERE name <> ''")
    assert [name for (name,) in names if "asyncpg_stmt" in name][1:] == []
    await repository.close()


async def test_columns_of_another_type_are_told(postgres_database_url: str, tmp_path: Path) -> None:
    class Odd(Entity, frozen=True, gc=False):
        id: Key[int]
        name: str

    class Odds(Table[Odd, int], Protocol): ...

    ddl = {"postgres": "CREATE TABLE odds (id BIGINT PRIMARY KEY, name BYTEA)"}

    async def open_it() -> None:
        async with scratch(postgres_database_url, tmp_path, ddl, odds=Odds):
            pytest.fail("it was opened")

    with pytest.raises(QueryFileError) as caught:
        await open_it()
    assert "odds.select: [postgres] column name is bytea, str expected" in str(caught.value)

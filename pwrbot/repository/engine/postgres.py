"""PostgreSQL through an asyncpg pool that keeps no state in its connections.

Nothing is ever SET, listened to or locked for longer than a transaction, and every table is named
with its schema, so a connection goes back to the pool as it came: no reset, no round trip, and
PgBouncer may hand it to somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import ceil
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from pwrbot.repository.engine import EngineOptions, TransactionExecutor
from pwrbot.repository.engine.observe import observed
from pwrbot.repository.engine.postgres_connections import (
    IDLE_SECONDS,
    Connections,
    Lease,
    is_open,
)
from pwrbot.repository.engine.postgres_errors import FAILURES, lost_connection, translated
from pwrbot.repository.engine.postgres_reach import CONNECT_PAUSES, reached
from pwrbot.repository.engine.transaction_state import TransactionState
from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Row, Statement
from pwrbot.repository.url import PostgresURL

STREAM_ROWS = 500
"""How many rows of a stream are fetched in one round trip."""

_UNFIT = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.DataError,
    asyncpg.FeatureNotSupportedError,
)
"""What the server says of a statement that does not fit its schema."""


class PostgresEngine:
    """An open pool. Use ``await PostgresEngine.open(url, options)``."""

    name: EngineName = "postgres"

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], options: EngineOptions) -> None:
        self._connections = Connections(pool, options.timeout)
        self._options = options

    @classmethod
    async def open(
        cls,
        url: PostgresURL,
        options: EngineOptions,
        *,
        pauses: Sequence[float] = CONNECT_PAUSES,
    ) -> PostgresEngine:
        """Connect, trying again after each pause. Raises DatabaseError."""
        return cls(await reached(lambda: _pool(url, options), pauses), options)

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        with observed(statement, self._options.slow):
            try:
                async with self._connection() as connection:
                    return await connection.fetch(statement.sql, *values)
            except FAILURES as error:
                if not (statement.readonly and lost_connection(error)):
                    raise translated(error, statement) from error
            # The server went away and may be back: reading twice does no harm.
            await self._connections.renew()
            try:
                async with self._connection() as connection:
                    return await connection.fetch(statement.sql, *values)
            except FAILURES as error:
                raise translated(error, statement) from error

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        with observed(statement, self._options.slow):
            try:
                async with self._connection() as connection:
                    return _changed(await connection.execute(statement.sql, *values))
            except FAILURES as error:
                raise translated(error, statement) from error

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        with observed(statement, self._options.slow):
            try:
                async with self._connection() as connection:
                    await connection.executemany(statement.sql, many)
            except FAILURES as error:
                raise translated(error, statement) from error
            return len(many)

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        raise DatabaseError(f"{statement.name}: a stream needs a transaction around it")
        yield  # what makes this an async generator

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        async with self._connection() as connection, _kept_together(connection):
            transaction = _Transaction(connection, self._options)
            try:
                yield transaction
                transaction.check()
            finally:
                transaction.over = True

    async def check(self, statements: Sequence[Statement]) -> Mapping[str, str]:
        problems: dict[str, str] = {}
        # Preparing changes nothing, and in a read-only transaction the first misfit would end it.
        async with self._connections.lease() as connection:
            for statement in statements:
                try:
                    prepared = await connection.prepare(statement.sql)
                except _UNFIT as error:
                    problems[statement.name] = f"{error.message or error}"
                    continue
                except FAILURES as error:
                    raise translated(error, statement) from error
                found = {a.name: a.type.name for a in prepared.get_attributes()}
                if problem := _misfit(statement, found):
                    problems[statement.name] = problem
        return problems

    async def version(self) -> str:
        async with self._connection() as connection:
            version = connection.get_server_version()
        return f"PostgreSQL {version.major}.{version.minor}"

    async def close(self) -> None:
        await self._connections.close()

    def _connection(self) -> AbstractAsyncContextManager[PoolConnectionProxy[asyncpg.Record]]:
        lease = self._connections.lease()
        return _only_read(lease) if self._options.read_only else lease


class _Transaction(TransactionState):
    """Statements on the one connection of a transaction, one at a time."""

    def __init__(
        self, connection: PoolConnectionProxy[asyncpg.Record], options: EngineOptions
    ) -> None:
        super().__init__()
        self._connection = connection
        self._options = options
        self._one_at_a_time = asyncio.Lock()

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        async with self._running(statement):
            return await self._connection.fetch(statement.sql, *values)

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        async with self._running(statement):
            return _changed(await self._connection.execute(statement.sql, *values))

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        async with self._running(statement):
            await self._connection.executemany(statement.sql, many)
        return len(many)

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        self.check()
        with observed(statement, self._options.slow):
            try:
                rows = self._connection.cursor(statement.sql, *values, prefetch=STREAM_ROWS)
                async for record in rows:
                    yield record
            except FAILURES as error:
                self.failed = True
                raise translated(error, statement) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        self.check()
        try:
            async with _kept_together(self._connection):
                yield self
                self.check()
        except BaseException:
            # What failed was undone with the savepoint, unless the connection is gone.
            self.failed = not is_open(self._connection)
            raise

    @asynccontextmanager
    async def _running(self, statement: Statement) -> AsyncGenerator[None]:
        async with self._one_at_a_time:
            self.check()
            with observed(statement, self._options.slow):
                try:
                    yield
                except FAILURES as error:
                    self.failed = True
                    raise translated(error, statement) from error
                except BaseException:
                    self.failed = True
                    raise


@asynccontextmanager
async def _only_read(lease: Lease) -> AsyncGenerator[PoolConnectionProxy[asyncpg.Record]]:
    """A connection in a transaction in which the server refuses every change."""
    async with lease as connection, _kept_together(connection, read_only=True):
        yield connection


@asynccontextmanager
async def _kept_together(
    connection: PoolConnectionProxy[asyncpg.Record], *, read_only: bool = False
) -> AsyncGenerator[None]:
    """BEGIN or SAVEPOINT, and what ends it. The block's own errors pass as they are."""
    transaction = connection.transaction(readonly=read_only)
    try:
        await transaction.start()
    except FAILURES as error:
        raise translated(error) from error
    try:
        yield
    except BaseException:
        try:
            await transaction.rollback()
        except FAILURES:
            if is_open(connection):
                connection.terminate()  # then the server rolls back
        raise
    try:
        await transaction.commit()
    except FAILURES as error:
        raise translated(error) from error


_PLANS: Final = {"jit": "off", "max_parallel_workers_per_gather": "0"}
"""Answers take milliseconds: to compile them, or to start workers for them, takes longer. With ten
million sessions it made 65 ms of somebody's partners that are 43 without, and 18 ms of channels
that are 4."""


async def _pool(url: PostgresURL, options: EngineOptions) -> asyncpg.Pool[asyncpg.Record]:
    arguments: dict[str, Any] = {"timeout": options.timeout, **url.asyncpg_arguments()}
    # An interval's days have 24 hours only where clocks do not change. Told on connecting, so
    # that no statement and no reset is needed, and PgBouncer passes it on.
    settings = {**arguments.pop("server_settings", {}), "timezone": "UTC"}
    # Where the way to the server was cut in silence, its end of a transaction would keep what it
    # has locked until TCP finds out, by default after two hours. What waits for others' statements
    # between its own stands still for longer than they may take.
    ending = {"idle_in_transaction_session_timeout": f"{ceil(3 * options.timeout * 1000)}ms"}
    try:
        return await _connected(arguments, {**_PLANS, **ending, **settings}, options)
    except asyncpg.ProtocolViolationError:  # PgBouncer refuses what it does not pass on
        return await _connected(arguments, settings, options)


async def _connected(
    arguments: dict[str, Any], settings: dict[str, str], options: EngineOptions
) -> asyncpg.Pool[asyncpg.Record]:
    return await asyncpg.create_pool(
        **arguments,
        server_settings=settings,
        min_size=options.pool_min,
        max_size=options.pool_max,
        command_timeout=options.timeout,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        statement_cache_size=0 if options.pgbouncer else 1024,
        max_cached_statement_lifetime=0,
        reset=_nothing_to_reset,
    )


async def _nothing_to_reset(connection: object) -> None:
    """A connection keeps no state: see the module's docstring. Open transactions asyncpg ends."""
    del connection


def _changed(status: str) -> int:
    """The row count of a command tag such as ``UPDATE 3`` or ``INSERT 0 1``."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


def _misfit(statement: Statement, found: Mapping[str, str]) -> str | None:
    """Where the result columns are not those the text promised or the class expects."""
    if tuple(found) != statement.query.shape.columns:
        return f"gives the columns {', '.join(found) or 'none'}"
    for column, kind in statement.results.items():
        if found[column] not in kind.results:
            return f"column {column} is {found[column]}, {kind.name} expected"
    return None

"""SQLite: one connection that writes, a few that read, small writes that share a commit.

Every connection lives in a thread of its own (aiosqlite's). A statement is one hop to it and back.
Writers take turns; the single statements that pile up while one has the turn run together, in one
transaction with one commit, each still answered by itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import aiosqlite

from pwrbot.repository.engine import EngineOptions, TransactionExecutor
from pwrbot.repository.engine.observe import observed
from pwrbot.repository.engine.sqlite_errors import explained, translated
from pwrbot.repository.engine.transaction_state import GIVEN_UP, TransactionState
from pwrbot.repository.engine.watch import Watch
from pwrbot.repository.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable
from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Row, Statement

T = TypeVar("T")

STREAM_ROWS = 200
"""How many rows of a stream are fetched in one hop."""


class SQLiteEngine:
    """An open SQLite database. Use ``await SQLiteEngine.open(path, options)``."""

    name: EngineName = "sqlite"

    def __init__(
        self, writer: _Connection, readers: Sequence[_Connection], options: EngineOptions
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._idle = list(readers)
        self._reading: deque[asyncio.Future[_Connection]] = deque()
        # Not a Lock, whose locked() does not count those who wait for it.
        self._turn = asyncio.Semaphore(1)
        self._pending: list[_Job] = []
        self._flushing: asyncio.Task[None] | None = None
        self._options = options

    @classmethod
    async def open(cls, path: Path, options: EngineOptions) -> SQLiteEngine:
        """Open the file, which the migrations made. Raises DatabaseError."""
        uri = _uri(path)
        opened: list[_Connection] = []
        try:
            writer = await _connect(uri, options, readonly=options.read_only)
            opened.append(writer)
            for _ in range(options.readers):
                opened.append(await _connect(uri, options, readonly=True))
        except BaseException as error:
            for connection in opened:
                await connection.close()
            if isinstance(error, sqlite3.Error):
                raise translated(error) from error
            raise
        return cls(writer, opened[1:], options)

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        with observed(statement, self._options.slow):
            if not statement.readonly:
                written: Sequence[Row] = await self._write(_Job("fetch", statement, values))
                return written
            reader = self._idle.pop() if self._idle else await self._next_reader()
            try:
                rows: Sequence[Row] = await _in_time(reader, _fetch, statement, values)
                return rows
            finally:
                self._give_back(reader)

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        with observed(statement, self._options.slow):
            changed: int = await self._write(_Job("execute", statement, values))
            return changed

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        with observed(statement, self._options.slow):
            changed: int = await self._write(_Job("execute_many", statement, many))
            return changed

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        raise DatabaseError(f"{statement.name}: a stream needs a transaction around it")
        yield  # what makes this an async generator

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        await _acquired(self._turn, self._options.timeout)
        transaction = _Transaction(self._writer, self._options)
        try:
            yield transaction
            transaction.check()
        except BaseException:
            await transaction.end("ROLLBACK")
            raise
        else:
            await transaction.end("COMMIT")
        finally:
            self._turn.release()

    async def check(self, statements: Sequence[Statement]) -> Mapping[str, str]:
        return await self._writer.call(_check, statements)

    async def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    async def close(self) -> None:
        waited = True
        try:
            await _acquired(self._turn, self._options.timeout)
        except DatabaseBusy:
            waited = False  # a transaction that does not end is rolled back
        try:
            for reader in self._readers:
                await reader.close()
            with suppress(DatabaseUnavailable):  # closed already
                if not self._options.read_only:
                    await self._writer.call(_optimize)
            await self._writer.close()
        finally:
            if waited:
                self._turn.release()

    async def _next_reader(self) -> _Connection:
        """Wait in line for one. A semaphore would cost those reads too that need not wait."""
        reader: asyncio.Future[_Connection] = asyncio.get_running_loop().create_future()
        self._reading.append(reader)
        try:
            async with _deadline(self._options.timeout):
                return await reader
        except BaseException:
            if reader.done() and not reader.cancelled():  # it came in the same moment
                self._give_back(reader.result())
            raise

    def _give_back(self, reader: _Connection) -> None:
        while self._reading:
            first = self._reading.popleft()
            if not first.done():
                first.set_result(reader)
                return
        self._idle.append(reader)

    async def _write(self, job: _Job) -> Any:
        """Run it now where nobody else writes, else together with the others that wait."""
        if self._turn.locked():
            return await self._wait_for(job)
        await self._turn.acquire()  # at once: nobody has it
        try:
            return await _in_time(self._writer, _run_alone, job)
        finally:
            self._turn.release()

    async def _wait_for(self, job: _Job) -> Any:
        job.answer = asyncio.get_running_loop().create_future()
        self._pending.append(job)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        try:
            async with _deadline(self._options.timeout):
                return await job.answer
        except (DatabaseBusy, asyncio.CancelledError):
            if job in self._pending:
                self._pending.remove(job)
            raise

    async def _flush(self) -> None:
        """Run what has piled up, in one transaction, as long as there is any."""
        try:
            while self._pending:
                async with self._turn:
                    batch, self._pending = self._pending, []
                    try:
                        outcomes = await _in_time(self._writer, _run_together, batch)
                    except Exception as error:
                        outcomes = [_as_ours(error)] * len(batch)
                    for job, outcome in zip(batch, outcomes, strict=True):
                        job.tell(outcome)
        finally:
            self._flushing = None


class _Transaction(TransactionState):
    """Statements on the writer while it has the turn; BEGIN goes with the first of them."""

    def __init__(self, writer: _Connection, options: EngineOptions) -> None:
        super().__init__()
        self._writer = writer
        self._options = options
        self._begun = False
        self._depth = 0
        self._cursors: set[sqlite3.Cursor] = set()

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        rows: Sequence[Row] = await self._run(_Job("fetch", statement, values))
        return rows

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        changed: int = await self._run(_Job("execute", statement, values))
        return changed

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        changed: int = await self._run(_Job("execute_many", statement, many))
        return changed

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        cursor = await self._run(_Job("cursor", statement, values))
        self._cursors.add(cursor)
        while rows := await self._hop(_next_rows, cursor):
            for row in rows:
                yield row
        self._cursors.discard(cursor)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        self._depth += 1
        name = f"level_{self._depth}"
        try:
            await self._hop(_script, self._beginning(), f"SAVEPOINT {name}")
            try:
                yield self
                self.check()
            except BaseException:
                # What failed is undone with the savepoint, unless the engine gave up all of it.
                self.failed = True
                undone = self._writer.call(_undo, name, tuple(self._cursors))
                self.failed = not await asyncio.shield(undone)
                raise
            await self._hop(_script, f"RELEASE {name}")
        finally:
            self._depth -= 1

    async def end(self, how: Literal["COMMIT", "ROLLBACK"]) -> None:
        """Keep or drop all of it. The hop is queued at once, so being cancelled changes nothing."""
        self.over = True
        if self._begun:
            try:
                await asyncio.shield(self._writer.call(_end, how, tuple(self._cursors)))
            except sqlite3.Error as error:
                raise translated(error) from error
            except DatabaseUnavailable:
                if how == "COMMIT":  # a connection that was closed has rolled back
                    raise

    def _beginning(self) -> str:
        if self._begun:
            return ""
        self._begun = True  # from here on there may be something to end
        return "BEGIN" if self._options.read_only else "BEGIN IMMEDIATE"

    async def _run(self, job: _Job) -> Any:
        self.check()
        with observed(job.statement, self._options.slow):
            return await self._hop(_run_in_transaction, self._beginning(), job)

    async def _hop(self, function: Callable[..., T], *arguments: Any) -> T:
        self.check()
        try:
            return await _in_time(self._writer, function, *arguments)
        except BaseException:
            self.failed = True
            raise


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection and thread, with one hop for a whole function."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], seconds: float) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self.watch = Watch(seconds, self.interrupt_now)

    async def opened(self) -> None:
        """Connect. Raises sqlite3.Error, and then leaves no thread behind."""
        try:
            await self
        except sqlite3.Error:
            self._thread.join()  # it is ending, and must not outlive the event loop
            raise

    async def close(self) -> None:
        self.watch.close()
        await super().close()
        self._thread.join()  # it is ending

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run ``function(connection, *arguments)`` in the connection's thread."""
        return await self.hop(function, *arguments)

    def hop(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """The same as aiosqlite's ``_execute``, without a coroutine of its own on the way."""
        if not self._running or self._connection is None:
            raise DatabaseUnavailable("the database is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        queue = cast("Any", self)._tx
        queue.put_nowait((answer, partial(function, self._connection, *arguments)))
        return answer

    def interrupt_now(self) -> None:
        """Stop the statement that runs, if any; it fails with SQLITE_INTERRUPT."""
        with suppress(ValueError, sqlite3.ProgrammingError):  # closed
            self._conn.interrupt()


class _Job:
    """One statement that waits to be run, and who waits for its outcome."""

    __slots__ = ("answer", "how", "statement", "values")

    def __init__(
        self,
        how: Literal["fetch", "execute", "execute_many", "cursor"],
        statement: Statement,
        values: Sequence[Any],
    ) -> None:
        self.how = how
        self.statement = statement
        self.values = values
        self.answer: asyncio.Future[Any] | None = None

    def run(self, connection: sqlite3.Connection) -> Any:
        """Run it in the connection's thread. Raises DatabaseError."""
        sql = self.statement.sql
        try:
            if self.how == "execute_many":
                return connection.executemany(sql, self.values).rowcount
            cursor = connection.execute(sql, self.values)
            if self.how == "fetch":
                return cursor.fetchall()
            return cursor if self.how == "cursor" else _changed(connection, cursor)
        except sqlite3.Error as error:
            many = self.how == "execute_many"
            raise explained(error, connection, self.statement, self.values, many=many) from error

    def tell(self, outcome: Any) -> None:
        """Answer whoever waits, unless they went away."""
        if self.answer is None or self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


async def _connect(uri: str, options: EngineOptions, *, readonly: bool) -> _Connection:
    # The writer may not make a missing file either: only migrations do.
    uri = f"{uri}?mode={'ro' if readonly else 'rw'}"

    def connector() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=options.timeout, cached_statements=1024
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if readonly:
                connection.execute("PRAGMA query_only = ON")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    connection = _Connection(connector, options.timeout)
    await connection.opened()
    return connection


async def _acquired(semaphore: asyncio.Semaphore, seconds: float) -> None:
    """Take it, at once where it is free. Raises DatabaseBusy."""
    if not semaphore.locked():
        await semaphore.acquire()
        return
    async with _deadline(seconds):
        await semaphore.acquire()


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DatabaseBusy(
            f"the database was busy for {seconds:g} seconds; try again in a moment"
        ) from None


async def _in_time(connection: _Connection, function: Callable[..., T], *arguments: Any) -> T:
    """A hop that is interrupted when it takes too long, or when nobody wants it any more."""
    connection.watch.start()
    try:
        return await connection.hop(function, *arguments)
    except asyncio.CancelledError:
        await asyncio.shield(_stopped(connection))
        raise
    finally:
        connection.watch.stop()


async def _stopped(connection: _Connection) -> None:
    """Return once the statement that nobody wants any more has ended, so that no other is hit.

    One that waits for its thread cannot be interrupted yet: try again until it can.
    """
    over = asyncio.ensure_future(connection.call(_nothing))
    while not over.done():
        connection.interrupt_now()
        await asyncio.wait([over], timeout=0.01)
    with suppress(DatabaseUnavailable):
        over.result()


def _nothing(connection: sqlite3.Connection) -> None:
    del connection


# In the connection's thread


def _fetch(
    connection: sqlite3.Connection, statement: Statement, values: Sequence[Any]
) -> list[Row]:
    try:
        return connection.execute(statement.sql, values).fetchall()
    except sqlite3.Error as error:
        raise explained(error, connection, statement, values) from error


def _run_alone(connection: sqlite3.Connection, job: _Job) -> Any:
    if job.how == "execute_many":
        (outcome,) = _run_together(connection, [job])
        if isinstance(outcome, DatabaseError):
            raise outcome
        return outcome
    return job.run(connection)


def _run_together(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[Any]:
    """Each job's result or DatabaseError; a failed one is undone by itself, the rest is kept."""
    outcomes: list[Any] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            outcomes.append(_run_one_of_many(connection, job))
            if not connection.in_transaction:  # the engine gave up all of it: disk full, say
                return [outcomes[-1]] * len(jobs)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        return [translated(error)] * len(jobs)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return outcomes


def _run_one_of_many(connection: sqlite3.Connection, job: _Job) -> Any:
    """A statement that fails is undone by SQLite itself; several of one job by a savepoint."""
    if job.how != "execute_many":
        try:
            return job.run(connection)
        except DatabaseError as error:
            return error
    connection.execute("SAVEPOINT job")
    try:
        return job.run(connection)
    except DatabaseError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO job")
        return error
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE job")


def _run_in_transaction(connection: sqlite3.Connection, beginning: str, job: _Job) -> Any:
    _script(connection, beginning)
    if not connection.in_transaction:
        raise DatabaseError(GIVEN_UP)
    return job.run(connection)


def _script(connection: sqlite3.Connection, *statements: str) -> None:
    try:
        for statement in filter(None, statements):
            connection.execute(statement)
    except sqlite3.Error as error:
        raise translated(error) from error


def _undo(
    connection: sqlite3.Connection, savepoint: str, cursors: Sequence[sqlite3.Cursor]
) -> bool:
    """Roll back to the savepoint; False where the engine rolled back everything by itself."""
    _close(cursors)
    if not connection.in_transaction:
        return False
    try:
        connection.execute(f"ROLLBACK TO {savepoint}")
        connection.execute(f"RELEASE {savepoint}")
    except sqlite3.Error:
        return False
    return True


def _end(connection: sqlite3.Connection, how: str, cursors: Sequence[sqlite3.Cursor]) -> None:
    """Commit or roll back; where the engine rolled back by itself there is nothing to commit."""
    _close(cursors)
    if not connection.in_transaction:
        if how == "COMMIT":
            raise DatabaseError(GIVEN_UP)
        return
    try:
        connection.execute(how)
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _close(cursors: Sequence[sqlite3.Cursor]) -> None:
    """End streams: while one is open, an interrupt stays in force and would hit a rollback too."""
    for cursor in cursors:
        cursor.close()


def _next_rows(connection: sqlite3.Connection, cursor: sqlite3.Cursor) -> list[Row]:
    del connection
    try:
        return cursor.fetchmany(STREAM_ROWS)
    except sqlite3.Error as error:
        raise translated(error) from error


def _changed(connection: sqlite3.Connection, cursor: sqlite3.Cursor) -> int:
    """How many rows; sqlite3 itself does not count for a statement that begins with WITH."""
    if cursor.rowcount >= 0:
        return cursor.rowcount
    changed: int = connection.execute("SELECT changes()").fetchone()[0]
    return changed


def _check(connection: sqlite3.Connection, statements: Sequence[Statement]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for statement in statements:
        try:
            connection.execute(f"EXPLAIN {statement.sql}", [None] * len(statement.parameters))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "SQLITE_ERROR") != "SQLITE_ERROR":
                raise translated(error) from error  # the file is at fault, not the statement
            problems[statement.name] = str(error)
    return problems


def _optimize(connection: sqlite3.Connection) -> None:
    """Refresh what the planner knows, as SQLite advises before a long-lived connection closes."""
    with suppress(sqlite3.Error):  # a full or read-only disk must not keep the bot from stopping
        connection.execute("PRAGMA analysis_limit = 400")  # rows looked at: no wait at the end
        connection.execute("PRAGMA optimize")


def _as_ours(error: Exception) -> DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, sqlite3.Error):
        return translated(error)
    return DatabaseUnavailable()

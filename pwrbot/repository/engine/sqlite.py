"""SQLite: one connection that writes, a few that read, small writes that share a commit.

Every connection lives in a thread of its own (aiosqlite's). A statement is one hop to it and back.
Writers take turns; the single statements that pile up while one has the turn run together, in one
transaction with one commit, each still answered by itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pwrbot.repository.engine import EngineOptions, TransactionExecutor
from pwrbot.repository.engine.observe import observed
from pwrbot.repository.engine.sqlite_connection import (
    Connection,
    acquired,
    at_rest,
    connect,
    deadline,
    in_time,
)
from pwrbot.repository.engine.sqlite_errors import translated
from pwrbot.repository.engine.sqlite_jobs import (
    Job,
    as_ours,
    check,
    fetch,
    optimize,
    run_alone,
    run_together,
)
from pwrbot.repository.engine.sqlite_transaction import Transaction
from pwrbot.repository.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable
from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Row, Statement


class SQLiteEngine:
    """An open SQLite database. Use ``await SQLiteEngine.open(path, options)``."""

    name: EngineName = "sqlite"

    def __init__(
        self, writer: Connection, readers: Sequence[Connection], options: EngineOptions
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._idle = list(readers)
        self._reading: deque[asyncio.Future[Connection]] = deque()
        # Not a Lock, whose locked() does not count those who wait for it.
        self._turn = asyncio.Semaphore(1)
        self._pending: list[Job] = []
        self._flushing: asyncio.Task[None] | None = None
        self._options = options

    @classmethod
    async def open(cls, path: Path, options: EngineOptions) -> SQLiteEngine:
        """Open the file, which the migrations made. Raises DatabaseError."""
        immutable = options.no_trace and options.read_only and at_rest(path)
        opened: list[Connection] = []
        try:
            writer = await connect(path, options, readonly=options.read_only, immutable=immutable)
            opened.append(writer)
            for _ in range(options.readers):
                opened.append(await connect(path, options, readonly=True, immutable=immutable))
        except BaseException as error:
            for connection in opened:
                await connection.close()
            if isinstance(error, sqlite3.Error):
                if (getattr(error, "sqlite_errorname", None) or "").startswith("SQLITE_CANTOPEN"):
                    raise DatabaseUnavailable(
                        f"{path} cannot be reached; where it is missing, `pwrbot migrate` makes it"
                    ) from error
                raise translated(error) from error
            raise
        return cls(writer, opened[1:], options)

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        with observed(statement, self._options.slow):
            if not statement.readonly:
                written: Sequence[Row] = await self._write(Job("fetch", statement, values))
                return written
            reader = self._idle.pop() if self._idle else await self._next_reader()
            try:
                rows: Sequence[Row] = await in_time(reader, fetch, statement, values)
                return rows
            finally:
                self._give_back(reader)

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        with observed(statement, self._options.slow):
            changed: int = await self._write(Job("execute", statement, values))
            return changed

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        with observed(statement, self._options.slow):
            changed: int = await self._write(Job("execute_many", statement, many))
            return changed

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        raise DatabaseError(f"{statement.name}: a stream needs a transaction around it")
        yield  # what makes this an async generator

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        await acquired(self._turn, self._options.timeout)
        transaction = Transaction(self._writer, self._options)
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
        return await self._writer.call(check, statements)

    async def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    async def close(self) -> None:
        waited = True
        try:
            await acquired(self._turn, self._options.timeout)
        except DatabaseBusy:
            waited = False  # a transaction that does not end is rolled back
        try:
            for reader in self._readers:
                await reader.close()
            with suppress(DatabaseUnavailable):  # closed already
                if not self._options.read_only:
                    await self._writer.call(optimize)
            await self._writer.close()
        finally:
            if waited:
                self._turn.release()

    async def _next_reader(self) -> Connection:
        """Wait in line for one. A semaphore would cost those reads too that need not wait."""
        reader: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._reading.append(reader)
        try:
            async with deadline(self._options.timeout):
                return await reader
        except BaseException:
            if reader.done() and not reader.cancelled():  # it came in the same moment
                self._give_back(reader.result())
            raise

    def _give_back(self, reader: Connection) -> None:
        while self._reading:
            first = self._reading.popleft()
            if not first.done():
                first.set_result(reader)
                return
        self._idle.append(reader)

    async def _write(self, job: Job) -> Any:
        """Run it now where nobody else writes, else together with the others that wait."""
        if self._turn.locked():
            return await self._wait_for(job)
        await self._turn.acquire()  # at once: nobody has it
        try:
            return await in_time(self._writer, run_alone, job)
        finally:
            self._turn.release()

    async def _wait_for(self, job: Job) -> Any:
        job.answer = asyncio.get_running_loop().create_future()
        self._pending.append(job)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        try:
            async with deadline(self._options.timeout):
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
                        outcomes = await in_time(self._writer, run_together, batch)
                    except Exception as error:
                        outcomes = [as_ours(error)] * len(batch)
                    for job, outcome in zip(batch, outcomes, strict=True):
                        job.tell(outcome)
        finally:
            self._flushing = None

"""A SQLite transaction: statements on the writer while it has the turn."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from pwrbot.repository.engine import EngineOptions, TransactionExecutor
from pwrbot.repository.engine.observe import observed
from pwrbot.repository.engine.sqlite_connection import Connection, in_time
from pwrbot.repository.engine.sqlite_errors import translated
from pwrbot.repository.engine.sqlite_jobs import (
    Job,
    end,
    next_rows,
    run_in_transaction,
    script,
    undo,
)
from pwrbot.repository.engine.transaction_state import TransactionState
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.statement import Row, Statement

T = TypeVar("T")


class Transaction(TransactionState):
    """Statements on the writer while it has the turn; BEGIN goes with the first of them."""

    def __init__(self, writer: Connection, options: EngineOptions) -> None:
        super().__init__()
        self._writer = writer
        self._options = options
        self._begun = False
        self._depth = 0
        self._cursors: set[sqlite3.Cursor] = set()

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        rows: Sequence[Row] = await self._run(Job("fetch", statement, values))
        return rows

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        changed: int = await self._run(Job("execute", statement, values))
        return changed

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        changed: int = await self._run(Job("execute_many", statement, many))
        return changed

    async def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        cursor = await self._run(Job("cursor", statement, values))
        self._cursors.add(cursor)
        while rows := await self._hop(next_rows, cursor):
            for row in rows:
                yield row
        self._cursors.discard(cursor)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        self._depth += 1
        name = f"level_{self._depth}"
        try:
            await self._hop(script, self._beginning(), f"SAVEPOINT {name}")
            try:
                yield self
                self.check()
            except BaseException:
                # What failed is undone with the savepoint, unless the engine gave up all of it.
                self.failed = True
                undone = self._writer.call(undo, name, tuple(self._cursors))
                self.failed = not await asyncio.shield(undone)
                raise
            await self._hop(script, f"RELEASE {name}")
        finally:
            self._depth -= 1

    async def end(self, how: Literal["COMMIT", "ROLLBACK"]) -> None:
        """Keep or drop all of it. The hop is queued at once, so being cancelled changes nothing."""
        self.over = True
        if self._begun:
            try:
                await asyncio.shield(self._writer.call(end, how, tuple(self._cursors)))
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

    async def _run(self, job: Job) -> Any:
        self.check()
        with observed(job.statement, self._options.slow):
            return await self._hop(run_in_transaction, self._beginning(), job)

    async def _hop(self, function: Callable[..., T], *arguments: Any) -> T:
        self.check()
        try:
            return await in_time(self._writer, function, *arguments)
        except BaseException:
            self.failed = True
            raise

"""What runs in the thread of a SQLite connection: plain functions of sqlite3, and their jobs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from pwrbot.repository.engine.sqlite_errors import explained, translated
from pwrbot.repository.engine.transaction_state import GIVEN_UP
from pwrbot.repository.errors import DatabaseError, DatabaseUnavailable
from pwrbot.repository.statement import Row, Statement

STREAM_ROWS = 200
"""How many rows of a stream are fetched in one hop."""


class Job:
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


def fetch(connection: sqlite3.Connection, statement: Statement, values: Sequence[Any]) -> list[Row]:
    try:
        return connection.execute(statement.sql, values).fetchall()
    except sqlite3.Error as error:
        raise explained(error, connection, statement, values) from error


def run_alone(connection: sqlite3.Connection, job: Job) -> Any:
    if job.how == "execute_many":
        (outcome,) = run_together(connection, [job])
        if isinstance(outcome, DatabaseError):
            raise outcome
        return outcome
    return job.run(connection)


def run_together(connection: sqlite3.Connection, jobs: Sequence[Job]) -> list[Any]:
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


def _run_one_of_many(connection: sqlite3.Connection, job: Job) -> Any:
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


def run_in_transaction(connection: sqlite3.Connection, beginning: str, job: Job) -> Any:
    script(connection, beginning)
    if not connection.in_transaction:
        raise DatabaseError(GIVEN_UP)
    return job.run(connection)


def script(connection: sqlite3.Connection, *statements: str) -> None:
    try:
        for statement in filter(None, statements):
            connection.execute(statement)
    except sqlite3.Error as error:
        raise translated(error) from error


def undo(connection: sqlite3.Connection, savepoint: str, cursors: Sequence[sqlite3.Cursor]) -> bool:
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


def end(connection: sqlite3.Connection, how: str, cursors: Sequence[sqlite3.Cursor]) -> None:
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


def next_rows(connection: sqlite3.Connection, cursor: sqlite3.Cursor) -> list[Row]:
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


def check(connection: sqlite3.Connection, statements: Sequence[Statement]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for statement in statements:
        try:
            connection.execute(f"EXPLAIN {statement.sql}", [None] * len(statement.parameters))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "SQLITE_ERROR") != "SQLITE_ERROR":
                raise translated(error) from error  # the file is at fault, not the statement
            problems[statement.name] = str(error)
    return problems


def optimize(connection: sqlite3.Connection) -> None:
    """Refresh what the planner knows, as SQLite advises before a long-lived connection closes."""
    with suppress(sqlite3.Error):  # a full or read-only disk must not keep the bot from stopping
        connection.execute("PRAGMA analysis_limit = 400")  # rows looked at: no wait at the end
        connection.execute("PRAGMA optimize")


def as_ours(error: Exception) -> DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, sqlite3.Error):
        return translated(error)
    return DatabaseUnavailable()

"""The engines: the only modules that import a database driver.

``open_engine`` makes the one a DATABASE_URL asks for; both keep the same promises, which the
protocols here state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Row, Statement


class EngineOptions(msgspec.Struct, frozen=True):
    """What can be set about an engine; each has a variable of its own in the README."""

    schema: str = "pwrbot"
    """PostgreSQL: the schema all tables are in."""
    pool_min: int = 1
    pool_max: int = 10
    """PostgreSQL: connections kept open, and at most."""
    timeout: float = 10.0
    """Seconds that waiting for a connection, or a statement, may take."""
    pgbouncer: bool = False
    """PostgreSQL: a pooler hands out connections per transaction, so nothing is kept prepared."""
    slow: float = 0.25
    """Seconds from which a statement is logged as slow, by its name."""
    readers: int = 2
    """SQLite: connections that only read."""
    read_only: bool = False
    """Let the database itself refuse every change, with DatabaseReadOnly."""
    lock_wait: float | None = None
    """SQLite: seconds to wait for another process's lock; as long as a statement where None."""
    no_trace: bool = False
    """SQLite, read-only: put no -wal and -shm beside a file that nobody has open."""
    any_text: bool = False
    """SQLite: text that is not UTF-8 comes with U+FFFD where it is broken, else as an error."""


class Executor(Protocol):
    """What runs statements: an engine by itself, or one transaction of it."""

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        """All rows the statement gives. Raises DatabaseError."""
        ...

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        """Run it and say how many rows it changed. Raises DatabaseError."""
        ...

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        """Run it once for each, all or none, and say how many rows changed in all."""
        ...

    def stream(self, statement: Statement, values: Sequence[object]) -> AsyncIterator[Row]:
        """The rows one after another; only inside a transaction."""
        ...


class TransactionExecutor(Executor, Protocol):
    """An executor all of whose statements are kept or lost together."""

    def transaction(self) -> AbstractAsyncContextManager[TransactionExecutor]:
        """A part that can be undone by itself: a savepoint."""
        ...


class Engine(Executor, Protocol):
    """A database that is open."""

    name: EngineName

    async def check(self, statements: Sequence[Statement]) -> Mapping[str, str]:
        """Prepare each against the real schema; what is wrong, by the statement's name."""
        ...

    async def version(self) -> str:
        """The engine and its version, for people."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[TransactionExecutor]:
        """Statements that are kept together when the block ends, or lost where it raises."""
        ...

    async def close(self) -> None:
        """Let go of every connection; what is under way ends first."""
        ...

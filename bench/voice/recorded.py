"""What our write path says to the database, written down instead of run: to time the statements
alone, by a bare driver, as pwr-bot's are timed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pwrbot.repository import Repository
from pwrbot.repository.engine import TransactionExecutor
from pwrbot.repository.queries import EngineName
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.statement import Row, Statement

Run = tuple[str, Sequence[Any]]
"""A statement's text and its values as the driver takes them."""


class Recorder:
    """An engine that changes nothing and finds nothing."""

    def __init__(self, name: EngineName) -> None:
        self.name: EngineName = name
        self.transactions: list[list[Run]] = []
        self._open: list[Run] | None = None

    def taken(self) -> list[list[Run]]:
        """What was written down since the last time, by transaction."""
        taken, self.transactions = self.transactions, []
        return taken

    async def fetch(self, statement: Statement, values: Sequence[object]) -> Sequence[Row]:
        self._note(statement, values)
        return []

    async def execute(self, statement: Statement, values: Sequence[object]) -> int:
        self._note(statement, values)
        return 1

    async def execute_many(self, statement: Statement, many: Sequence[Sequence[object]]) -> int:
        for values in many:
            self._note(statement, values)
        return len(many)

    def stream(self, statement: Statement, values: Sequence[object]) -> Any:
        raise NotImplementedError

    async def check(self, statements: Sequence[Statement]) -> Mapping[str, str]:
        del statements
        return {}

    async def version(self) -> str:
        return "none"

    async def close(self) -> None:
        pass

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[TransactionExecutor]:
        """One within another is the same one."""
        if self._open is not None:
            yield self
            return
        self._open = []
        self.transactions.append(self._open)
        try:
            yield self
        finally:
            self._open = None

    def _note(self, statement: Statement, values: Sequence[object]) -> None:
        run = (statement.sql, tuple(values))
        if self._open is None:
            self.transactions.append([run])
        else:
            self._open.append(run)


def recording(name: EngineName) -> tuple[Repository, Recorder]:
    """A repository on a recorder."""
    recorder = Recorder(name)
    return Repository(bind_repository(name), recorder), recorder

"""What is kept of each run of a statement: its time under its name, never its values."""

from __future__ import annotations

from time import perf_counter

import structlog

from pwrbot.repository.statement import Statement

log = structlog.get_logger(__name__)


class observed:
    """Time one run of a statement in a ``with`` block; log it by name where it was slow.

    A class, since a generator made into a context manager costs three times as much.
    """

    __slots__ = ("_slow", "_started", "_statement")

    def __init__(self, statement: Statement, slow: float) -> None:
        self._statement = statement
        self._slow = slow

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        elapsed = perf_counter() - self._started
        statement = self._statement
        statistics = statement.statistics
        if kind is not None:
            statistics.errors += 1
        statistics.calls += 1
        statistics.seconds += elapsed
        if elapsed > statistics.slowest:
            statistics.slowest = elapsed
        if elapsed >= self._slow:
            log.warning("slow_query", query=statement.name, milliseconds=round(elapsed * 1000))

"""What the query layer costs: ``Table`` beside raw drivers, aiosql and SQLAlchemy.

    make bench-overhead                       # or: python -m bench.overhead [--rounds N]

One run, both engines, the contestants taking turns in every round. Prints a Markdown table of
medians and of their ratios to the raw driver; bench/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import platform
import sqlite3
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import structlog

from bench import postgres, sqlite
from bench.contestants import ROWS, STATEMENTS, Contestant, Operation
from pwrbot.clock import SystemClock
from pwrbot.entities import Subscriber, VoiceSession
from pwrbot.repository import Repository
from pwrbot.repository.migrations import migrate
from pwrbot.repository.url import parse_url
from tools.postgres import SETTINGS, private_postgres

DURABLE = {**SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""The private server for tests does not sync; here a commit is a commit."""

TIMES = {"select": 10, "select_many": 3, "rows": 3, "rows_with_datetimes": 3, "insert": 20}
"""How often a contestant does an operation before it is the next one's turn: few times, so that
whatever else the machine does meets all of them."""

WARM_UP = 10
"""Rounds that do not count: caches of statements and plans fill."""

TITLES = {
    "select": "`select` by key",
    "select_many": f"`select_many`, {ROWS:,} keys",
    "rows": f"{ROWS:,} rows, plain columns",
    "rows_with_datetimes": f"{ROWS:,} rows, two datetimes each",
    "insert": "`insert`, durable",
}

Rounds = dict[str, dict[str, list[float]]]
"""Operation -> contestant -> the median of each round, in seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="turns of each contestant (100)")
    rounds = parser.parse_args().rounds
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with private_postgres(settings=DURABLE) as url, tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(url, Path(directory) / "bench.db", rounds))


async def _run(url: str, path: Path, rounds: int) -> None:
    print(await _facts(url, rounds), end="\n\n")
    await _fill(url)
    print(_table("PostgreSQL", await _measured(postgres.contestants, url, rounds)), end="\n\n")
    await _fill(f"sqlite:///{path}")
    print(_table("SQLite", await _measured(sqlite.contestants, path, rounds)))


async def _fill(url: str) -> None:
    """Migrate, and store as many rows as the operations read."""
    migrate(parse_url(url))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    guild, member, channel = 2**58, 2**59, 2**60
    repository = await Repository.open(url)
    await repository.subscribers.insert_many(
        Subscriber("dm", member + number) for number in range(ROWS)
    )
    await repository.voice_sessions.insert_many(
        VoiceSession(
            guild_id=guild,
            user_id=member + number,
            joined_at=start + timedelta(seconds=number, microseconds=number * 7),
            channel_id=channel,
            left_at=start + timedelta(seconds=number * 60 + 60, microseconds=number * 11),
        )
        for number in range(ROWS)
    )
    await repository.close()
    if repository.engine_name == "postgres":
        connection = await asyncpg.connect(url)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()


async def _measured(
    open_all: Callable[[Any], Awaitable[list[Contestant]]], where: Any, rounds: int
) -> Rounds:
    contestants = await open_all(where)
    measured: Rounds = {}
    gc.collect()
    gc.freeze()  # what is there now stays: a collection looks at what a round made
    try:
        for operation in STATEMENTS:
            await _same_answers(operation, contestants)
            medians = measured[operation] = {contestant.name: [] for contestant in contestants}
            for number in range(-WARM_UP, rounds):
                turn = number % len(contestants)
                for contestant in (*contestants[turn:], *contestants[:turn]):
                    run = contestant.operations[operation]
                    median = await _median(run, TIMES[operation])
                    if number >= 0:
                        medians[contestant.name].append(median)
    finally:
        for contestant in contestants:
            await contestant.close()
    return measured


async def _median(run: Operation, times: int) -> float:
    """Seconds. Garbage is collected before, and not meanwhile."""
    gc.collect()
    gc.disable()
    taken: list[float] = []
    try:
        await run()  # so that nobody starts with the caches of the one before
        for _ in range(times):
            started = perf_counter()
            await run()
            taken.append(perf_counter() - started)
    finally:
        gc.enable()
    return statistics.median(taken)


async def _same_answers(operation: str, contestants: Sequence[Contestant]) -> None:
    """Refuse to compare contestants that do not give the same."""
    first, *others = [_plain(await c.operations[operation]()) for c in contestants]
    if operation == "insert":  # the keys and targets are everybody's own
        first, others = [len(first)], [[len(other)] for other in others]
    for contestant, other in zip(contestants[1:], others, strict=True):
        if other != first:
            raise AssertionError(f"{contestant.name} gives another answer to {operation}")


def _plain(answer: Any) -> list[Any]:
    """An answer as values, times as microseconds."""
    if isinstance(answer, list):
        return [_plain(row) for row in answer]
    if isinstance(answer, datetime):
        return [(answer - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)]
    if isinstance(answer, int | str):
        return [answer]
    names = ("kind", "target_id", "id")
    if not hasattr(answer, "kind"):
        names = ("guild_id", "user_id", "joined_at", "channel_id", "left_at")
    try:
        values = tuple(answer)
    except TypeError:
        values = tuple(getattr(answer, name) for name in names)
    return [_plain(value) for value in values]


def _table(engine: str, measured: Rounds) -> str:
    """Each cell: ratio of the medians over the rounds / of the lower quartiles (median time).

    The quartiles tell of the rounds in which the machine did little else.
    """
    lines = [f"| {engine} | {' | '.join(TITLES.values())} |", f"|---|{'---|' * len(TITLES)}"]
    names = list(next(iter(measured.values())))
    for name in names:
        cells: list[str] = []
        for operation in TITLES:
            own = statistics.quantiles(measured[operation][name], n=4)
            first = statistics.quantiles(measured[operation][names[0]], n=4)
            cells.append(
                f"**{own[1] / first[1]:.2f}** / {own[0] / first[0]:.2f} ({own[1] * 1e6:,.0f} us)"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


async def _facts(url: str, rounds: int) -> str:
    connection = await asyncpg.connect(url)
    server = connection.get_server_version()
    durable = [await connection.fetchval(f"SHOW {s}") for s in ("fsync", "synchronous_commit")]
    await connection.close()
    packages = ", ".join(
        f"{package} {version(package)}"
        for package in ("asyncpg", "aiosqlite", "aiosql", "SQLAlchemy", "msgspec")
    )
    return (
        f"{SystemClock().now():%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {server.major}.{server.minor} (fsync {durable[0]}, synchronous_commit "
        f"{durable[1]}), {packages}; {rounds} rounds."
    )


if __name__ == "__main__":
    main()

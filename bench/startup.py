"""What the start of the bot spends on its queries: reading, binding and checking every one.

    make bench-startup                        # or: python -m bench.startup [--rounds N]

On a migrated SQLite file, as the bot does it. Prints a Markdown table of medians: as it is, and in
proportion for 150 statements, for which the aim is 150 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import sqlite3
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import structlog

from pwrbot.repository.bind import bind
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine.opening import open_engine
from pwrbot.repository.migrations import migrate
from pwrbot.repository.queries import load_queries
from pwrbot.repository.repository import Tables
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import SQLiteURL

STATEMENTS = 150
AIM_MS = 150.0

PARTS = {
    "read": "reading `sql/queries`: headers, tokens",
    "bind": "binding: CRUD for each table, signatures, types, texts, decoders",
    "check": "checking: SQLite prepares every statement against the live schema",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how often it is measured (50)")
    rounds = parser.parse_args().rounds
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as directory:
        url = SQLiteURL(Path(directory) / "bench.db")
        migrate(url)
        count, measured = asyncio.run(_measured(url, rounds))
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}; {count} statements, {rounds} rounds.\n"
    )
    print(_table(count, measured))


async def _measured(url: SQLiteURL, rounds: int) -> tuple[int, dict[str, list[float]]]:
    """How many statements there are, and the milliseconds of each part in each round."""
    measured: dict[str, list[float]] = {part: [] for part in PARTS}
    count = 0
    for _ in range(rounds):
        times = [perf_counter()]
        files = load_queries(sql_directory() / "queries")
        times.append(perf_counter())
        bound = bind(Tables, files, "sqlite")
        times.append(perf_counter())
        engine = await open_engine(url, EngineOptions())
        opened = perf_counter()
        problems = await engine.check(bound.statements)
        times.append(times[-1] + perf_counter() - opened)
        await engine.close()
        if problems:
            raise AssertionError(f"the queries do not fit the schema: {problems}")
        count = len(bound.statements)
        for part, (begun, ended) in zip(PARTS, pairwise(times), strict=True):
            measured[part].append((ended - begun) * 1000)
    return count, measured


def _table(count: int, measured: dict[str, list[float]]) -> str:
    whole = [sum(parts) for parts in zip(*measured.values(), strict=True)]
    total = statistics.median(whole)
    lines = ["| Part | Median | Share | Lower quartile |", "|---|---|---|---|"]
    for part, what in PARTS.items():
        middle = statistics.median(measured[part])
        low = statistics.quantiles(measured[part], n=4)[0]
        lines.append(f"| {what} | {middle:.1f} ms | {middle / total:.0%} | {low:.1f} ms |")
    low = statistics.quantiles(whole, n=4)[0]
    lines.append(f"| **{count} statements** | {total:.1f} ms | | {low:.1f} ms |")
    scale = STATEMENTS / count
    lines.append(
        f"| **for {STATEMENTS}** (aim: {AIM_MS:.0f} ms) | **{total * scale:.1f} ms** | |"
        f" {low * scale:.1f} ms |"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

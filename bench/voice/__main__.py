"""Voice at scale: our answers beside pwr-bot's and a plain form's, on both engines, in one run.

    make bench-voice SESSIONS=1000000         # or: python -m bench.voice --sessions 1000000

Makes the databases in BENCH_DIR (default data/bench) where they are not there yet, and prints
Markdown; the figures in full go beside them, as JSON. bench/README.md says what is compared.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import sqlite3
import sys
from pathlib import Path

import asyncpg
import msgspec
import structlog

from bench.voice.report import markdown
from bench.voice.run import Length, Results, run_engine
from bench.voice.stores import DataSet
from pwrbot.clock import SystemClock
from tools.postgres import SETTINGS, private_postgres

SERVER = {
    **SETTINGS,
    **dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "on"),
    "shared_buffers": "1GB",
    "effective_cache_size": "8GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}
"""PostgreSQL as on a small machine of its own; a commit is a commit."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.voice", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--seed", type=int, default=1, help="of the data (1)")
    parser.add_argument(
        "--growth",
        choices=("time", "activity"),
        default="time",
        help="fewer sessions: over fewer days (time), or fewer a day (activity)",
    )
    parser.add_argument(
        "--engine", choices=("both", "sqlite", "postgres"), default="both", help="(both)"
    )
    given = parser.parse_args()
    if given.sessions < 1000:
        parser.error("at least 1,000 sessions")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    folder = Path(os.environ.get("BENCH_DIR") or "data/bench").resolve()
    wanted = DataSet(given.sessions, given.seed, given.growth)
    found: list[Results] = []
    facts = _facts()
    if given.engine != "postgres":
        found.append(asyncio.run(run_engine("sqlite", wanted, folder, None, Length(), _say)))
    if given.engine != "sqlite":
        with private_postgres(settings=SERVER, keep=folder / "postgres") as url:
            facts += f", {asyncio.run(_version(url))}"
            found.append(asyncio.run(run_engine("postgres", wanted, folder, url, Length(), _say)))
    path = folder / f"voice-{wanted.sessions}-{wanted.growth}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"facts": facts, "results": found})))
    print(f"{facts}; seed {wanted.seed}, history grows in {wanted.growth}.\n")
    print(markdown(found))


def _say(line: str) -> None:
    print(f"{SystemClock().now():%H:%M:%S} {line}", file=sys.stderr, flush=True)


def _facts() -> str:
    return (
        f"{SystemClock().now():%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    server = connection.get_server_version()
    await connection.close()
    return f"PostgreSQL {server.major}.{server.minor}"


if __name__ == "__main__":
    main()

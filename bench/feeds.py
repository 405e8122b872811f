"""What polling feeds costs: the bot's poller on both engines, and ``reader`` on the same feeds.

    make bench-feeds FEEDS=10000              # or: python -m bench.feeds [--feeds N] [--rounds N]

One run, the contestants taking turns in every round, each in a process of its own, the feeds in yet
another. Prints Markdown tables of medians; bench/README.md says how to read them.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import msgspec
import psutil
import psycopg
from psycopg import sql

from bench.feed_hosts import Asked, Hosts, running_hosts
from bench.feed_readers import FannedOut, Remote, Spent, running
from pwrbot.clock import SystemClock
from tools.postgres import SETTINGS, private_postgres

DURABLE = {**SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

NEWS = 100
"""One feed in so many has a new item in a pass with news."""

PASSES = {
    "first": "first: all is new",
    "quiet": "nothing new",
    "news": "1 % new",
}


class Pass(msgspec.Struct, frozen=True):
    """One pass of one contestant."""

    spent: Spent
    asked: Asked
    server_cpu: float
    """Seconds of PostgreSQL's processes; 0 where there are none."""


Measured = dict[str, dict[str, list[Pass]]]
"""Kind of pass -> contestant -> its passes."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.feeds", description=__doc__)
    parser.add_argument("--feeds", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--hosts", type=int, default=200, help="on so many hosts (200)")
    parser.add_argument("--rounds", type=int, default=3, help="passes of each kind (3)")
    parser.add_argument(
        "--workers", type=int, default=1, help="threads of `reader` (1); 0: it does not take part"
    )
    given = parser.parse_args()
    print(facts(), end="\n\n", flush=True)
    measured = measure(given.feeds, given.hosts, given.rounds, given.workers)
    print(table(given.feeds, measured), end="\n\n", flush=True)
    print(fan_out_table(fanned_out(given.rounds)))


@contextmanager
def _contestants(urls: list[str], workers: int) -> Generator[dict[str, tuple[Remote, list[int]]]]:
    """Each with the ids of its server's processes; the first is the one others are held against."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = set(_descendants())
        postgres = stack.enter_context(private_postgres(settings=DURABLE))
        postgres = stack.enter_context(_new_database(postgres))
        server = [process for process in _descendants() if process not in before]
        sqlite = f"sqlite:///{directory / 'pwrbot.db'}"
        contestants: dict[str, tuple[Remote, list[int]]] = {}
        if workers:
            remote = stack.enter_context(running("reader", directory / "reader.db", urls, workers))
            name = f"`reader`, {workers} {'worker' if workers == 1 else 'workers'}"
            contestants[name] = (remote, [])
        remote = stack.enter_context(running("pwrbot", sqlite, urls))
        contestants["pwrbot, SQLite"] = (remote, [])
        remote = stack.enter_context(running("pwrbot", postgres, urls))
        contestants["pwrbot, PostgreSQL"] = (remote, server)
        yield contestants


@contextmanager
def _new_database(server: str) -> Generator[str]:
    """The URL of an empty database, removed afterwards."""
    name = f"pwrbot_bench_{token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


def measure(feeds: int, hosts: int, rounds: int, workers: int = 1) -> Measured:
    """Passes of every kind by every contestant. All see the same, and must store as many items."""
    with running_hosts(hosts, feeds) as web, _contestants(web.urls, workers) as contestants:
        measured: Measured = {kind: {name: [] for name in contestants} for kind in PASSES}
        for number in range(-1, rounds):
            for kind in ("first",) if number < 0 else ("quiet", "news"):
                if kind == "news":
                    web.publish(list(range(number % NEWS, feeds, NEWS)))
                for name in _rotated(list(contestants), number):
                    measured[kind][name].append(_one_pass(web, *contestants[name]))
                counts = {name: remote.items() for name, (remote, _) in contestants.items()}
                if len(set(counts.values())) != 1:
                    raise AssertionError(f"not the same items after {kind}: {counts}")
        return measured


def fanned_out(rounds: int) -> dict[str, list[FannedOut]]:
    """One item of a feed that thousands follow, on either engine."""
    measured: dict[str, list[FannedOut]] = {}
    with running_hosts(1, 1) as web, _contestants(web.urls, 0) as contestants:
        for name, (remote, _) in contestants.items():
            remote.pass_over_all()
            remote.fans()
            remote.pass_over_all()  # who follows a feed is told of what comes after a poll
            measured[name] = []
            for _ in range(rounds):
                web.publish([0])
                measured[name].append(remote.fan_out())
    return measured


def _one_pass(web: Hosts, remote: Remote, server: Sequence[int]) -> Pass:
    web.asked()
    cpu = _cpu(server)
    spent = remote.pass_over_all()
    return Pass(spent, web.asked(), _cpu(server) - cpu)


def table(feeds: int, measured: Measured) -> str:
    """Medians of each kind of pass."""
    lines = [
        f"| {feeds:,} feeds | contestant | pass | CPU a feed | of it the server's | requests"
        " | answered 304 | statements per 100 feeds | memory a feed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, title in PASSES.items():
        names = list(measured[kind])
        first = _median([one.spent.seconds for one in measured[kind][names[0]]])
        for name in names:
            passes = measured[kind][name]
            seconds = _median([one.spent.seconds for one in passes])
            server = _median([one.server_cpu for one in passes])
            cpu = _median([one.spent.cpu + one.server_cpu for one in passes])
            counted = [one.spent.statements for one in passes if one.spent.statements is not None]
            statements = f"{_median(counted) * 100 / feeds:.2f}" if counted else ""
            lines.append(
                f"| {title} | {name} | **{seconds / first:.2f}** ({seconds:.2f} s)"
                f" | {cpu / feeds * 1e3:.2f} ms | {server / feeds * 1e3:.2f} ms"
                f" | {_median([one.asked.requests for one in passes]):,.0f}"
                f" | {_median([one.asked.unchanged for one in passes]):,.0f}"
                f" | {statements}"
                f" | {max(one.spent.peak for one in passes) / feeds / 1024:.1f} KiB |"
            )
    return "\n".join(lines)


def fan_out_table(measured: dict[str, list[FannedOut]]) -> str:
    """Medians of one item's way into everybody's outbox."""
    lines = [
        "| one item, 5,000 subscriptions | poll to outbox | the one statement | memory |",
        "|---|---|---|---|",
    ]
    for name, times in measured.items():
        lines.append(
            f"| {name} | {_median([one.whole for one in times]) * 1e3:,.0f} ms"
            f" | {_median([one.statement for one in times]) * 1e3:,.0f} ms"
            f" | {_median([one.memory for one in times]) / 1024:,.0f} KiB |"
        )
    return "\n".join(lines)


def facts() -> str:
    """The day, the machine and the versions."""
    packages = ", ".join(
        f"{package} {version(package)}"
        for package in ("aiohttp", "lxml", "asyncpg", "aiosqlite", "reader", "feedparser")
    )
    return (
        f"{SystemClock().now():%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}, load"
        f" {os.getloadavg()[0]:.1f}), Python {platform.python_version()}, SQLite"
        f" {sqlite3.sqlite_version}, PostgreSQL with fsync, {packages}."
    )


def _rotated(names: list[str], number: int) -> list[str]:
    turn = number % len(names)
    return [*names[turn:], *names[:turn]]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _descendants() -> list[int]:
    return [process.pid for process in psutil.Process().children(recursive=True)]


def _cpu(server: Sequence[int]) -> float:
    """Seconds of a server's processes so far, those of ended ones included."""
    total = 0.0
    for pid in server:
        try:
            process = psutil.Process(pid)
            for one in (process, *process.children()):
                times = one.cpu_times()
                total += times.user + times.system
            ended = process.cpu_times()
            total += ended.children_user + ended.children_system
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main()

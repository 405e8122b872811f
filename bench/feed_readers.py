"""Who reads the feeds: the poller of the bot, and ``reader``; each in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog
from reader import make_reader
from structlog.typing import EventDict

from pwrbot.clock import Clock
from pwrbot.entities import Feed, FeedPoll, FeedSubscription, Subscriber
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.pace import HostLimit
from pwrbot.repository import Repository
from pwrbot.repository.migrations import migrate
from pwrbot.repository.url import parse_url
from pwrbot.services.feed_poller import FeedPoller

UNHURRIED: Final = HostLimit(requests=100_000, seconds=1, at_once=2)
"""The pace is kept as ever, but nobody is made to wait: that would hide what a pass costs."""

FANS: Final = 5_000
"""Subscriptions of the one feed that everybody follows."""


class Spent(msgspec.Struct, frozen=True):
    """What one pass cost its process."""

    seconds: float
    cpu: float
    """Seconds of this process, all threads."""
    polled: int
    statements: int | None
    """None: not counted."""
    peak: int
    """Bytes of memory that the process had at most since it was opened, beyond what it had then."""


class FannedOut(msgspec.Struct, frozen=True):
    """What became of one item that everybody waits for."""

    whole: float
    """Seconds from the poll's begin until the outbox holds all deliveries."""
    statement: float
    """Seconds of the one statement that writes them."""
    statements: int
    """How often it ran."""
    memory: int
    """Bytes by which the process's peak rose."""
    deliveries: int


class Reads(Protocol):
    """A program that reads feeds."""

    async def open(self, urls: list[str]) -> None: ...

    async def read(self) -> tuple[int, int | None]:
        """One pass over all feeds: how many were polled, and by how many statements."""
        ...

    async def items(self) -> int:
        """How many are stored."""
        ...

    async def close(self) -> None: ...


class JumpingClock:
    """The machine's clock, ahead by as much as it is told to jump."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Pwrbot:
    """The bot's poller and client, on either engine; each feed has one follower."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self, urls: list[str]) -> None:
        migrate(parse_url(self._url))
        self._clock = JumpingClock()
        self.repository = await Repository.open(self._url)
        await follow(self.repository, urls, self._clock)
        self.feeds = Feeds(
            self._clock,
            allowed=AllowedHosts.parse(["127.0.0.1"]),
            default_limit=UNHURRIED,
        )
        self.poller = FeedPoller(
            self.repository, self._clock, self.feeds, process="bench", chance=random.Random(1)
        )

    async def read(self) -> tuple[int, int | None]:
        self._clock.ahead += timedelta(days=1)
        before = self._statements()
        polled = await self.poller.poll_due()
        return polled, self._statements() - before

    async def items(self) -> int:
        failed = {
            poll.error for poll in await self.repository.feed_polls.select_all() if poll.error
        }
        if failed:
            raise AssertionError(f"feeds that could not be read: {failed}")
        return await self.repository.feed_items.count()

    async def fans(self) -> int:
        """Have the one feed there is followed by many more; says how many follow it then."""
        feed_id = min(feed.id for feed in await self.repository.feeds.select_all())
        first = {row.id for row in await self.repository.subscribers.select_all()}
        await self.repository.subscribers.insert_many(
            Subscriber("dm", 2**58 + number) for number in range(FANS - len(first))
        )
        await self.repository.feed_subscriptions.insert_many(
            FeedSubscription(row.id, feed_id, None, self._clock.now())
            for row in await self.repository.subscribers.select_all()
            if row.id not in first
        )
        return len(await self.repository.feed_subscriptions.subscribers_of(feed_id=feed_id))

    async def fan_out(self) -> FannedOut:
        """Poll the one feed there is, which has one new item."""
        self._clock.ahead += timedelta(days=1)
        fan_out = next(s for s in self.repository.statements if s.name == "feed_deliveries.fan_out")
        calls, seconds = fan_out.statistics.calls, fan_out.statistics.seconds
        before = await self.repository.feed_deliveries.count()
        gc.collect()
        peak, started = reset_peak(), time.perf_counter()
        await self.poller.poll_due()
        return FannedOut(
            whole=time.perf_counter() - started,
            statement=fan_out.statistics.seconds - seconds,
            statements=fan_out.statistics.calls - calls,
            memory=max(0, peak_memory() - peak),
            deliveries=await self.repository.feed_deliveries.count() - before,
        )

    async def close(self) -> None:
        await self.poller.stop()
        await self.feeds.close()
        await self.repository.close()

    def _statements(self) -> int:
        return sum(statement.statistics.calls for statement in self.repository.statements)


async def follow(repository: Repository, urls: list[str], clock: Clock) -> None:
    """Store feeds that somebody follows and that are due."""
    now = clock.now()
    await repository.feeds.insert_many(
        Feed("feed", url, url, f"Feed {number}", "", url, None, (), now)
        for number, url in enumerate(urls)
    )
    feeds = await repository.feeds.select_all()
    who = await repository.subscribers.ensure(kind="dm", target_id=2**59)
    await repository.feed_subscriptions.insert_many(
        FeedSubscription(who.id, feed.id, None, now) for feed in feeds
    )
    await repository.feed_polls.insert_many(FeedPoll(feed.id, now, 3600) for feed in feeds)


class Reader:
    """``reader``, which keeps its feeds in SQLite."""

    def __init__(self, path: str, workers: int) -> None:
        self._path = path
        self._workers = workers

    async def open(self, urls: list[str]) -> None:
        self._reader = make_reader(self._path)
        for url in urls:
            self._reader.add_feed(url)

    async def read(self) -> tuple[int, int | None]:
        updated = 0
        for result in self._reader.update_feeds_iter(scheduled=False, workers=self._workers):
            if isinstance(result.value, Exception):
                raise result.value
            updated += 1
        return updated, None

    async def items(self) -> int:
        return self._reader.get_entry_counts().total or 0

    async def close(self) -> None:
        self._reader.close()


class Remote:
    """A reader in another process."""

    def __init__(self, control: Connection, process: BaseProcess) -> None:
        self._control = control
        self._process = process

    def pass_over_all(self) -> Spent:
        return self._call("pass")

    def items(self) -> int:
        return self._call("items")

    def fans(self) -> int:
        return self._call("fans")

    def fan_out(self) -> FannedOut:
        return self._call("fan_out")

    def _call(self, what: str) -> Any:
        self._control.send(what)
        try:
            return self._control.recv()
        except (EOFError, ConnectionError):
            self._process.join(10)
            ended = f"in {what!r}, exit code {self._process.exitcode}"
            raise AssertionError(f"a contestant's process ended {ended}") from None


@contextmanager
def running(kind: str, where: str | Path, urls: list[str], workers: int = 1) -> Generator[Remote]:
    """A reader with all feeds stored and none read; ``where`` is its database.

    ``workers`` are ``reader``'s threads.
    """
    processes = multiprocessing.get_context("spawn")
    control, other = processes.Pipe()
    process = processes.Process(
        target=_work, args=(other, kind, str(where), urls, workers), daemon=True
    )
    process.start()
    other.close()
    try:
        remote = Remote(control, process)
        remote.items()
        yield remote
    finally:
        control.close()
        process.join(30)
        process.kill()


def _work(control: Connection, kind: str, where: str, urls: list[str], workers: int) -> None:
    structlog.configure(
        processors=[_without_slow_queries, structlog.dev.ConsoleRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    reads = Pwrbot(where) if kind == "pwrbot" else Reader(where, workers)
    asyncio.run(_worked(control, reads, urls))


def _without_slow_queries(_logger: object, _name: str, event: EventDict) -> EventDict:
    """A hundred feeds at once wait for one another: a busy machine has many."""
    if event["event"] == "slow_query":
        raise structlog.DropEvent
    return event


async def _worked(control: Connection, reads: Reads, urls: list[str]) -> None:
    await reads.open(urls)
    gc.collect()
    resting = reset_peak()
    try:
        # Between its turns a contestant does nothing: its event loop may stand.
        while (what := _told(control)) is not None:
            match what:
                case "pass":
                    control.send(await _pass(reads, resting))
                case "items":
                    control.send(await reads.items())
                case "fans" if isinstance(reads, Pwrbot):
                    control.send(await reads.fans())
                case "fan_out" if isinstance(reads, Pwrbot):
                    control.send(await reads.fan_out())
    finally:
        await reads.close()


def _told(control: Connection) -> str | None:
    """What to do next; None: nothing more."""
    try:
        return control.recv()
    except EOFError:
        return None


async def _pass(reads: Reads, resting: int) -> Spent:
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    polled, statements = await reads.read()
    return Spent(
        seconds=time.perf_counter() - started,
        cpu=time.process_time() - cpu,
        polled=polled,
        statements=statements,
        peak=max(0, peak_memory() - resting),
    )


def peak_memory() -> int:
    """Bytes that this process had resident at most since ``reset_peak``."""
    return _status("VmHWM")


def reset_peak() -> int:
    """Begin anew; bytes that are resident now."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5)
    return _status("VmRSS")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/self/status has no {name}")

"""What it costs to store that somebody joins and leaves, in the big databases, made durable."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final

import aiosqlite
import asyncpg
import msgspec

from bench.voice import pwr_bot
from bench.voice.data import A_DAY, BIG_SHARE, EPOCH, NOW, Community, micros
from bench.voice.ours import Ours
from bench.voice.reads import Times, times
from bench.voice.stores import Stores, numbered
from pwrbot.repository.engine.sqlite_connection import WRITING

WRITERS: Final = 100
POOL: Final = 10
LENGTH: Final = timedelta(minutes=47, seconds=20, microseconds=456)
PAUSE: Final = 5 * WRITERS
"""Events before the same member comes again: later than LENGTH, and when no writer that is a little
behind still has the member's last session open."""

SECONDS: Final = 60.0
"""For which one contestant stores pairs."""

SQLITE_MODES: Final = ("FULL", "NORMAL")


class Event(msgspec.Struct, frozen=True):
    """Somebody joins a channel, and leaves it later."""

    guild_id: int
    user_id: int
    channel_id: int
    joined_at: datetime
    left_at: datetime


Pair = Callable[[Event], Awaitable[object]]
"""Stores a join, made durable, and then its leave, made durable."""


class Events:
    """Of the big guild's members, after the end of the data, at its pace, whoever comes often more
    often: drawn from its sessions. Nobody's overlap.
    """

    def __init__(self, community: Community, seed: int = 1) -> None:
        mine = community.sessions.where(community.sessions.guild_id == community.big_guild)
        self._busy = frozenset(mine.user_id[mine.left_at > micros(NOW)].tolist())
        self._places = mine
        self._guild_id = community.big_guild
        self._random = random.Random(seed)
        self._step = timedelta(days=1) / (A_DAY * BIG_SHARE)
        self._last: dict[int, int] = {}
        self._number = 0

    def next(self) -> Event:
        """Somebody who was not among the last few hundred comes for most of an hour."""
        self._number += 1
        while True:
            place = self._random.randrange(len(self._places))
            user_id = int(self._places.user_id[place])
            if user_id not in self._busy and self._last.get(user_id, -PAUSE) + PAUSE < self._number:
                break
        self._last[user_id] = self._number
        joined = NOW + self._number * self._step
        channel_id = int(self._places.channel_id[place])
        return Event(self._guild_id, user_id, channel_id, joined, joined + LENGTH)


# One at a time


async def one_by_one(
    contestants: Mapping[str, Pair], events: Events, rounds: int, pairs: int
) -> dict[str, Times]:
    """Seconds for a join and its leave: each round some of everybody's, one after the other.

    Who has taken a minute is not asked again.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(-1, rounds):  # the first does not count
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            if sum(taken[name]) * pairs > SECONDS:
                continue
            given = [events.next() for _ in range(pairs)]
            prepare = getattr(contestants[name], "prepare", None)
            if prepare is not None:
                given = [await prepare(event) for event in given]
            store = contestants[name]
            gc.collect()
            gc.disable()
            started = perf_counter()
            for event in given:
                await store(event)
            seconds = perf_counter() - started
            gc.enable()
            if number >= 0:
                taken[name].append(seconds / pairs)
    return {name: times(seconds) for name, seconds in taken.items()}


class _OurStatements:
    """The statements of our write path by a bare driver; finding them out is not timed."""

    def __init__(self, ours: Ours, run: Callable[[Any], Awaitable[None]]) -> None:
        self._ours = ours
        self._run = run

    async def prepare(self, event: Event) -> Any:
        return await self._ours.statements_of(event)

    async def __call__(self, transactions: Any) -> None:
        await self._run(transactions)


@asynccontextmanager
async def sqlite_pairs(stores: Stores, synchronous: str) -> AsyncIterator[dict[str, Pair]]:
    """Who stores a join and its leave on SQLite: the statements alone, and whole paths."""
    ours = await Ours.open(stores.url, NOW)
    await ours.set_synchronous(synchronous)
    theirs = _sqlite(stores.pwr_bot, synchronous)
    bare = _sqlite(stores.ours, synchronous)
    for pragma in WRITING:
        bare.execute(f"PRAGMA {pragma}")
    hopping = await _aiosqlite(stores.pwr_bot, synchronous)

    async def our_statements(transactions: Any) -> None:
        for transaction in transactions:
            if len(transaction) > 1:
                bare.execute("BEGIN IMMEDIATE")
            for sql, values in transaction:
                bare.execute(sql, values).fetchall()
            if len(transaction) > 1:
                bare.execute("COMMIT")

    async def pwr_bots_statements(event: Event) -> None:
        theirs.execute(pwr_bot.SQLITE["join"], _texts(event)).fetchall()
        theirs.execute(pwr_bot.SQLITE["leave"], _texts(event))

    try:
        yield {
            "our statements": _OurStatements(ours, our_statements),
            "pwr-bot's statements": pwr_bots_statements,
            "ours, by the bot": ours.join_and_leave,
            "pwr-bot's, by aiosqlite": _through_aiosqlite(hopping),
        }
    finally:
        await hopping.close()
        theirs.close()
        bare.close()
        await ours.close()


@asynccontextmanager
async def postgres_pairs(stores: Stores) -> AsyncIterator[dict[str, Pair]]:
    """The same on PostgreSQL; the two bare drivers have a connection each."""
    ours = await Ours.open(stores.url, NOW)
    theirs = await asyncpg.connect(stores.pwr_bot)
    bare = await asyncpg.connect(stores.ours)
    await bare.execute("SET TIME ZONE 'UTC'")  # as the bot's connections do

    async def our_statements(transactions: Any) -> None:
        for transaction in transactions:
            if len(transaction) == 1:
                await bare.fetch(transaction[0][0], *transaction[0][1])
                continue
            async with bare.transaction():
                for sql, values in transaction:
                    await bare.fetch(sql, *values)

    pool = await asyncpg.create_pool(stores.pwr_bot, min_size=POOL, max_size=POOL)
    try:
        yield {
            "our statements": _OurStatements(ours, our_statements),
            "pwr-bot's statements": _through_asyncpg(theirs.fetch),
            "ours, by the bot": ours.join_and_leave,
            "pwr-bot's, by a pool": _through_asyncpg(pool.fetch),
        }
    finally:
        await pool.close()
        await theirs.close()
        await bare.close()
        await ours.close()


# Many at once


async def at_once(
    contestants: Mapping[str, Pair],
    events: Events,
    rounds: int,
    pairs: Mapping[str, int],
    writers: int = WRITERS,
) -> dict[str, Times]:
    """Seconds for an event, while so many tasks each store joins and leaves, one by one.

    ``pairs`` says how many a task stores in a round, of each contestant. Whose round took a minute
    is not asked again.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(-1, rounds):  # the first does not count
        for name, store in contestants.items():
            if sum(taken[name]) * 2 * writers * pairs[name] > SECONDS:
                continue
            coming = [events.next() for _ in range(pairs[name] * writers)]
            given = [coming[number::writers] for number in range(writers)]

            async def work(mine: list[Event], store: Pair = store) -> None:
                for event in mine:
                    await store(event)

            gc.collect()
            started = perf_counter()
            await asyncio.gather(*(work(mine) for mine in given))
            seconds = perf_counter() - started
            if number >= 0:
                taken[name].append(seconds / (2 * writers * pairs[name]))
    return {name: times(seconds) for name, seconds in taken.items()}


@asynccontextmanager
async def sqlite_writers(stores: Stores, synchronous: str) -> AsyncIterator[dict[str, Pair]]:
    """Our write path, and aiosqlite's execute and commit of pwr-bot's statements."""
    ours = await Ours.open(stores.url, NOW)
    await ours.set_synchronous(synchronous)
    hopping = await _aiosqlite(stores.pwr_bot, synchronous)
    try:
        yield {
            "ours": ours.join_and_leave,
            "pwr-bot's": _through_aiosqlite(hopping),
            "pwr-bot's, any commit": _through_aiosqlite(hopping, own=False),
        }
    finally:
        await hopping.close()
        await ours.close()


@asynccontextmanager
async def postgres_writers(stores: Stores) -> AsyncIterator[dict[str, Pair]]:
    """Our write path, and a pool with a commit for each of pwr-bot's statements."""
    ours = await Ours.open(stores.url, NOW)
    pool = await asyncpg.create_pool(stores.pwr_bot, min_size=POOL, max_size=POOL)
    try:
        yield {"ours": ours.join_and_leave, "pwr-bot's": _through_asyncpg(pool.fetch)}
    finally:
        await pool.close()
        await ours.close()


# pwr-bot's part


def _through_aiosqlite(connection: aiosqlite.Connection, *, own: bool = True) -> Pair:
    """``own``: each statement is a transaction, as each is one in pwr-bot. Else tasks that share
    the connection share whatever commit comes first, others' half-done work included.
    """
    alone = asyncio.Lock()

    async def stored(name: str, values: Mapping[str, Any]) -> None:
        async with alone if own else nullcontext():
            await connection.execute_fetchall(pwr_bot.SQLITE[name], values)
            await connection.commit()

    async def store(event: Event) -> None:
        values = _texts(event)
        await stored("join", values)
        await stored("leave", values)

    return store


def _through_asyncpg(fetch: Any) -> Pair:
    """Whoever joins or leaves is looked for among the active first, as it does."""
    texts = {name: numbered(text) for name, text in pwr_bot.POSTGRES.items()}

    async def run(name: str, event: Event) -> Any:
        sql, names = texts[name]
        given = {
            "guild_id": event.guild_id,
            "user_id": event.user_id,
            "channel_id": event.channel_id,
            "join_time": event.joined_at,
            "leave_time": event.left_at,
        }
        return await fetch(sql, *(given[one] for one in names))

    async def store(event: Event) -> None:
        await run("active", event)
        await run("join", event)
        await run("active", event)
        await run("leave", event)

    return store


def _texts(event: Event) -> dict[str, Any]:
    return {
        "guild_id": event.guild_id,
        "user_id": event.user_id,
        "channel_id": event.channel_id,
        "join_time": pwr_bot.stored(event.joined_at),
        "leave_time": pwr_bot.stored(event.left_at),
    }


def _sqlite(path: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=1024)
    for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


async def _aiosqlite(path: str, synchronous: str) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, cached_statements=1024)
    for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", "foreign_keys = ON"):
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    return connection


# The heartbeat, and cleaning up


async def heartbeats(
    stores: Stores, community: Community, still: int, rounds: int
) -> tuple[Times, int]:
    """Of a beat while so many more sessions are open: seconds, and the statements it takes."""
    ours = await Ours.open(stores.url, NOW)
    events = Events(community)
    try:
        for _ in range(still):
            await ours.join(events.next())
        before = ours.calls()
        seconds: list[float] = []
        for _ in range(rounds):
            started = perf_counter()
            await ours.beat()
            seconds.append(perf_counter() - started)
        statements = (ours.calls() - before) / rounds
    finally:
        await ours.close()
    return times(seconds), int(statements) if statements.is_integer() else -1


async def restore(stores: Stores, community: Community) -> None:
    """Take away what was written after the end of the data, and open what was open then.

    Also where a bot that started ended what was open.
    """
    guild_id, total, still = community.big_guild, len(community.sessions), community.open
    columns = (still.guild_id, still.user_id, still.channel_id, still.joined_at)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    if stores.engine == "sqlite":
        with sqlite3.connect(stores.ours) as connection:
            connection.execute(
                "DELETE FROM voice_sessions WHERE guild_id = ? AND joined_at >= ?",
                (guild_id, micros(NOW)),
            )
            connection.executemany(
                "DELETE FROM voice_sessions WHERE guild_id = ? AND user_id = ? AND joined_at = ?",
                [(row[0], row[1], row[3]) for row in rows],
            )
            connection.execute("DELETE FROM open_voice_sessions")
            connection.execute("DELETE FROM bot_meta")
            connection.executemany("INSERT INTO open_voice_sessions VALUES (?, ?, ?, ?)", rows)
        connection.close()
        with sqlite3.connect(stores.pwr_bot) as connection:
            connection.execute("DELETE FROM voice_sessions WHERE id > ?", (total,))
        connection.close()
        return
    ours = await asyncpg.connect(stores.ours)
    await ours.execute("SET search_path = pwrbot")
    await ours.execute(
        "DELETE FROM voice_sessions WHERE guild_id = $1 AND joined_at >= $2", guild_id, NOW
    )
    opened = [(*row[:3], row[3] * timedelta(microseconds=1) + EPOCH) for row in rows]
    await ours.executemany(
        "DELETE FROM voice_sessions WHERE guild_id = $1 AND user_id = $2 AND joined_at = $3",
        [(row[0], row[1], row[3]) for row in opened],
    )
    await ours.execute("DELETE FROM open_voice_sessions; DELETE FROM bot_meta")
    await ours.executemany("INSERT INTO open_voice_sessions VALUES ($1, $2, $3, $4)", opened)
    await ours.execute("VACUUM ANALYZE")
    await ours.close()
    theirs = await asyncpg.connect(stores.pwr_bot)
    await theirs.execute("DELETE FROM voice_sessions WHERE id > $1", total)
    await theirs.execute("VACUUM ANALYZE voice_sessions")
    await theirs.close()

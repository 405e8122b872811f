"""The databases, opened as their programs open them: ours by the bot's services, the others by a
raw driver.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

import asyncpg
import msgspec

from bench.voice import data, plain, pwr_bot
from bench.voice.ours import Ours
from bench.voice.stores import Stores, numbered

Rows = Sequence[Any]
"""Tuples, or records that are read as such."""


class Raw(Protocol):
    """A database whose texts are run by the driver as they stand; rows come as it makes them."""

    async def run(self, text: str, **values: Any) -> Rows: ...


class RawSQLite:
    """sqlite3 in the calling thread: no hop to another. ``encode`` makes a value of a time."""

    def __init__(self, path: str, texts: Mapping[str, str], encode: Any) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=1024)
        self._texts = texts
        self._encode = encode

    async def run(self, text: str, **values: Any) -> Rows:
        return self.connection.execute(self._texts[text], self._encoded(values)).fetchall()

    async def plan(self, text: str, **values: Any) -> str:
        """As the engine explains it."""
        explain = f"EXPLAIN QUERY PLAN {self._texts[text]}"
        rows = self.connection.execute(explain, self._encoded(values)).fetchall()
        return "\n".join(row[3] for row in rows)

    def _encoded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._encode(name, value) for name, value in values.items()}


class RawPostgres:
    """asyncpg on one held connection: no pool, no reset."""

    def __init__(self, connection: asyncpg.Connection, texts: Mapping[str, str]) -> None:
        self.connection = connection
        self._texts = {name: numbered(text) for name, text in texts.items()}

    async def run(self, text: str, **values: Any) -> Rows:
        sql, names = self._texts[text]
        return await self.connection.fetch(sql, *_ordered(names, values))

    async def plan(self, text: str, **values: Any) -> str:
        """As the engine explains it."""
        sql, names = self._texts[text]
        rows = await self.connection.fetch(f"EXPLAIN {sql}", *_ordered(names, values))
        return "\n".join(row[0] for row in rows)


class Databases(msgspec.Struct, frozen=True):
    """All three of a data set on one engine."""

    stores: Stores
    ours: Ours
    pwr_bot: Any
    plain: Any


@asynccontextmanager
async def opened(stores: Stores, now: datetime = data.NOW) -> AsyncIterator[Databases]:
    """Warm or not as they are; closed at the end."""
    ours = await Ours.open(stores.url, now)
    try:
        if stores.engine == "sqlite":
            theirs = RawSQLite(stores.pwr_bot, pwr_bot.SQLITE, _as_pwr_bot)
            simple = RawSQLite(stores.plain, plain.SQLITE, _as_plain)
            try:
                yield Databases(stores, ours, theirs, simple)
            finally:
                theirs.connection.close()
                simple.connection.close()
        else:
            connections = [await asyncpg.connect(u) for u in (stores.pwr_bot, stores.plain)]
            # What the Diesel version's days are cut by: its server's zone, UTC in its image.
            await connections[0].execute("SET TIME ZONE 'UTC'")
            theirs = RawPostgres(connections[0], pwr_bot.POSTGRES)
            simple = RawPostgres(connections[1], plain.POSTGRES)
            try:
                yield Databases(stores, ours, theirs, simple)
            finally:
                for connection in connections:
                    await connection.close()
    finally:
        await ours.close()


def _ordered(names: Sequence[str], values: Mapping[str, Any]) -> list[Any]:
    if "stretches" in values:
        starts, ends = zip(*values["stretches"], strict=True)
        values = {**values, "starts": starts, "ends": ends}
    return [values[name] for name in names]


def _as_pwr_bot(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return pwr_bot.current(value) if name == "current" else pwr_bot.stored(value)
    return value


def _as_plain(name: str, value: Any) -> Any:
    if name == "stretches":
        pairs = [(data.micros(since), data.micros(until)) for since, until in value]
        return msgspec.json.encode(pairs).decode()
    return data.micros(value) if isinstance(value, datetime) else value

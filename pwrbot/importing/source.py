"""pwr-bot's database: which version of it this is, and its rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pwrbot.importing.values import moment
from pwrbot.repository.foreign import ForeignDatabase, SourceRefused, open_foreign
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import InvalidDatabaseURL, PostgresURL, SQLiteURL, parse_url

TABLES: Final = frozenset(
    {
        "bot_meta",
        "feed_items",
        "feed_subscriptions",
        "feeds",
        "server_settings",
        "subscribers",
        "voice_sessions",
    }
)

_FIRST: Final = frozenset({"feeds", "feed_items", "subscribers", "feed_subscriptions"})
"""The tables that every version has."""

_NAMES: Final = {
    1: "migration 1 of 8 (2025-08)",
    2: "migration 2 of 8 (2025-12)",
    3: "migration 3 of 8 (2026-01-01)",
    4: "migrations 4 to 6 of 8 (2026-01-05 to 2026-02-20)",
    7: "migration 7 of 8 (2026-02-20)",
    8: "migration 8 of 8 (2026-02-23)",
}
"""Migrations 5 and 6 changed a document and an index: no table tells them from 4."""


class Source:
    """An open database of pwr-bot. Use ``open_source``."""

    def __init__(self, database: ForeignDatabase, version: int) -> None:
        self._database = database
        self._version = version
        """The newest of pwr-bot's migrations that the tables show."""
        self.place = database.place
        """What people call it."""

    async def description(self) -> str:
        """The engine, and which of pwr-bot's schemas it is."""
        engine = await self._database.version()
        if self._database.engine_name == "postgres":
            return f"{engine}, schema {self._database.schema}"
        return f"{engine}, {_NAMES[self._version]}"

    @property
    def feeds_by_url(self) -> bool:
        """Whether this version knew feeds by nothing but their address."""
        return self._version < 3

    def has(self, query: str) -> bool:
        """Whether this version has the table of a query."""
        return bool(self._versions(query))

    async def rows(self, query: str) -> AsyncIterator[Any]:
        """The rows of a table, by the query of this version; none where it had no such table."""
        if self.has(query):
            async for row in self._database.stream(self._name(query), TABLES):
                yield row

    async def count_sessions(self) -> int:
        """How many voice sessions there are."""
        return int(await self._value("voice_sessions_total") or 0)

    async def heartbeat(self) -> datetime | None:
        """When pwr-bot last wrote that it lived; None where it never did."""
        return moment(await self._value("heartbeat"))

    async def misfits(self) -> Mapping[str, str]:
        """Which of this version's queries do not fit the tables."""
        names = {name.partition(".")[2] for name in self._database.query_names()} - {"columns"}
        queries = [self._name(query) for query in sorted(names) if self.has(query)]
        return await self._database.misfits(queries, TABLES)

    async def _value(self, query: str) -> Any:
        if not self.has(query):
            return None
        rows = await self._database.fetch(self._name(query), TABLES)
        return rows[0][0]

    def _name(self, query: str) -> str:
        return f"since_{max(self._versions(query))}.{query}"

    def _versions(self, query: str) -> list[int]:
        return [
            version
            for name in self._database.query_names()
            for module, _, found in [name.partition(".")]
            if found == query and (version := int(module.removeprefix("since_"))) <= self._version
        ]


@asynccontextmanager
async def open_source(place: str, *, lock_wait: float = 5.0) -> AsyncGenerator[Source]:
    """Open pwr-bot's database, a path or a URL, for reading, and find out its version.

    ``lock_wait``: seconds to wait for another process to unlock a file. Raises SourceRefused,
    SourceUnavailable.
    """
    async with open_foreign(
        _url(place), sql_directory() / "import" / "pwr_bot", lock_wait=lock_wait
    ) as database:
        schemas: dict[str, dict[str, set[str]]] = {}
        for table, column, schema in await database.fetch("source.columns"):
            schemas.setdefault(schema, {}).setdefault(table, set()).add(column)
        schema = _schema(database.place, schemas)
        if database.engine_name == "postgres":
            database.schema = schema
        source = Source(database, _version(schemas[schema]))
        if misfits := await source.misfits():
            raise SourceRefused(
                f"{database.place} is like pwr-bot's database, but not quite: "
                f"{'; '.join(sorted(misfits.values()))}. Let a version of pwr-bot migrate it first."
            )
        yield source


def _url(place: str) -> SQLiteURL | PostgresURL:
    if "://" not in place:
        return SQLiteURL(Path(place))
    try:
        return parse_url(place)
    except InvalidDatabaseURL as error:
        raise SourceRefused(str(error).replace("DATABASE_URL", "SOURCE", 1)) from None


def _schema(place: str, schemas: Mapping[str, Mapping[str, set[str]]]) -> str:
    """The first schema that has pwr-bot's tables. Raises SourceRefused."""
    for schema, tables in schemas.items():
        if tables.keys() >= _FIRST and not _is_ours(tables):
            return schema
    if any(_is_ours(tables) for tables in schemas.values()):
        raise SourceRefused(
            f"{place} is a database of pwrbot itself: name the one that pwr-bot used."
        )
    missing = ", ".join(sorted(_FIRST))
    found = sorted({table for tables in schemas.values() for table in tables})
    shown = f"; it has {', '.join(found[:5])}{', ...' * (len(found) > 5)}" if found else ""
    raise SourceRefused(
        f"{place} is not pwr-bot's: it lacks some of the tables {missing}{shown}."
        " Name pwr-bot's SQLite file, or the postgresql:// URL of its database."
    )


def _is_ours(tables: Mapping[str, set[str]]) -> bool:
    return "kind" in tables.get("subscribers", ())


def _version(tables: Mapping[str, set[str]]) -> int:
    """The newest of pwr-bot's migrations that these tables show."""
    if "voice_sessions" in tables:
        if "is_active" in tables["voice_sessions"]:
            return 8
        return 7 if "bot_meta" in tables else 4
    if "platform_id" in tables["feeds"]:
        return 3
    return 2 if "server_settings" in tables else 1

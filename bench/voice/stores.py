"""The databases that are measured: made once, kept in a folder, used again while they fit.

Of each data set there are three on each engine: ours, pwr-bot's and the plain one. A name holds
what a database was made from; one that was made from anything else is thrown away.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Final, Literal
from urllib.parse import urlsplit

import asyncpg
import numpy as np

from bench.voice import data, plain, pwr_bot
from bench.voice.data import Community, Growth, Ints, Sessions
from pwrbot.repository.migrations import migrate, read_migrations
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import parse_url

Kind = Literal["ours", "pwr_bot", "plain"]
KINDS: Final[tuple[Kind, ...]] = ("ours", "pwr_bot", "plain")

FIRST: Final = 4
"""So many migrations make what sessions are loaded into; those after it add up what is there."""
ADDED_UP: Final = 5
"""So many make a database of ours that is kept; what comes later is applied to it as it stands."""

_CHUNK: Final = 100_000  # rows
_POSTGRES_EPOCH: Final = 946_684_800_000_000  # 2000, in microseconds since 1970


@dataclass(frozen=True)
class DataSet:
    """What a data set is made from."""

    sessions: int
    seed: int = 1
    growth: Growth = "time"

    def make(self) -> Community:
        return data.community(self.sessions, self.seed, self.growth)

    def name(self, kind: Kind, engine: str) -> str:
        """Of its database: the same for the same content and schema."""
        made_from = repr((data.VERSION, data.NOW, _schema(kind, engine)))
        digest = hashlib.sha256(made_from.encode()).hexdigest()[:10]
        return f"{self._prefix(kind)}{digest}"

    def _prefix(self, kind: Kind) -> str:
        return f"voice_{self.sessions}_{self.seed}_{self.growth}_{kind}_"

    def outdated(self, kind: Kind, engine: str, name: str) -> bool:
        """Whether a database of that name is this one as it was made before."""
        return name.startswith(self._prefix(kind)) and name != self.name(kind, engine)


@dataclass(frozen=True)
class Stores:
    """The three databases of a data set on one engine: paths, or URLs without a schema."""

    engine: Literal["sqlite", "postgres"]
    ours: str
    pwr_bot: str
    plain: str

    @property
    def url(self) -> str:
        """Of ours, as the bot takes it."""
        return f"sqlite:///{self.ours}" if self.engine == "sqlite" else self.ours


Say = Callable[[str], None]


# SQLite


def sqlite_stores(wanted: DataSet, folder: Path, say: Say) -> Stores:
    """Those three files in the folder; makes what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made: Community | None = None
    paths: dict[Kind, Path] = {}
    for kind in KINDS:
        path = paths[kind] = folder / f"{wanted.name(kind, 'sqlite')}.db"
        if path.exists():
            if kind == "ours":
                with tempfile.TemporaryDirectory(dir=folder) as directory:
                    migrate(parse_url(f"sqlite:///{path}"), backup_dir=Path(directory))
            continue
        for old in folder.glob("*.db"):
            if wanted.outdated(kind, "sqlite", old.stem):
                old.unlink()
        made = made or wanted.make()
        started = perf_counter()
        with tempfile.TemporaryDirectory(dir=folder) as directory:
            making = Path(directory) / "making.db"
            _SQLITE[kind](making, made, Path(directory))
            with closing(sqlite3.connect(making)) as connection:
                connection.execute("ANALYZE")
                connection.execute("PRAGMA journal_mode = WAL")
            making.rename(path)
        size = path.stat().st_size / 1e6
        say(f"made {path.name}: {size:,.0f} MB in {perf_counter() - started:.0f} s")
    return Stores("sqlite", *(str(paths[kind]) for kind in KINDS))


def _make_ours_in_sqlite(path: Path, made: Community, directory: Path) -> None:
    url = parse_url(f"sqlite:///{path}")
    migrate(url, directory=_first_migrations(directory))
    with closing(_fast(path)) as connection:
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE type = 'index' AND tbl_name = 'voice_sessions' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        _fill_sqlite(connection, made)
        for name, _ in indexes:  # empty ones: a later migration may drop it
            connection.execute(f"CREATE INDEX {name} ON voice_sessions (guild_id) WHERE FALSE")
    migrate(url, backup_dir=directory / "backups")
    with closing(_fast(path)) as connection:
        left = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        for name, sql in indexes:
            if name in left:
                connection.execute(f"DROP INDEX {name}")
                connection.execute(sql)


def _make_plain_in_sqlite(path: Path, made: Community, directory: Path) -> None:
    del directory
    with closing(_fast(path)) as connection:
        connection.executescript(plain.SQLITE_SCHEMA)
        _fill_sqlite(connection, made)
        connection.executescript(plain.SQLITE_INDEXES)


def _fill_sqlite(connection: sqlite3.Connection, made: Community) -> None:
    """Our tables and the plain ones have the same columns. In the order of the key."""
    ended, still = made.ended, made.open
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)"
        " VALUES (?, ?, ?, ?, ?)",
        _rows(ended.guild_id, ended.user_id, ended.joined_at, ended.channel_id, ended.left_at),
    )
    connection.executemany(
        "INSERT INTO open_voice_sessions (guild_id, user_id, channel_id, joined_at)"
        " VALUES (?, ?, ?, ?)",
        _rows(still.guild_id, still.user_id, still.channel_id, still.joined_at),
    )
    connection.execute("COMMIT")


def _make_pwr_bot_in_sqlite(path: Path, made: Community, directory: Path) -> None:
    """In the order of joining, as they were inserted; an active one has left when it joined."""
    del directory
    rows = _by_join(made.sessions)
    active = rows.left_at > data.micros(data.NOW)
    with closing(_fast(path)) as connection:
        connection.executescript(pwr_bot.SQLITE_SCHEMA)
        connection.execute("BEGIN")
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            joined = _as_text(rows.joined_at[part])
            left = _as_text(np.where(active, rows.joined_at, rows.left_at)[part])
            connection.executemany(
                "INSERT INTO voice_sessions"
                " (user_id, guild_id, channel_id, join_time, leave_time, is_active)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                zip(
                    rows.user_id[part].tolist(),
                    rows.guild_id[part].tolist(),
                    rows.channel_id[part].tolist(),
                    joined,
                    left,
                    active[part].astype(int).tolist(),
                    strict=True,
                ),
            )
        connection.execute("COMMIT")
        connection.executescript(pwr_bot.INDEXES)


_SQLITE: Final = {
    "ours": _make_ours_in_sqlite,
    "pwr_bot": _make_pwr_bot_in_sqlite,
    "plain": _make_plain_in_sqlite,
}


def _fast(path: Path) -> sqlite3.Connection:
    """For loading: nothing is lost if it is, it is made anew."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _rows(*columns: Ints) -> Iterable[tuple[int, ...]]:
    for start in range(0, len(columns[0]), _CHUNK):
        part = (column[start : start + _CHUNK].tolist() for column in columns)
        yield from zip(*part, strict=True)


def _as_text(moments: Ints) -> list[str]:
    """RFC 3339 with 0, 3 or 6 digits of a second, as ``pwr_bot.stored``."""
    texts = np.datetime_as_string(moments.astype("datetime64[us]"), unit="us")
    texts = np.char.add(texts, "+00:00")
    for number in np.flatnonzero(moments % 1000 == 0):
        texts[number] = pwr_bot.stored(data.EPOCH + int(moments[number]) * _MICROSECOND)
    return texts.tolist()


_MICROSECOND: Final = timedelta(microseconds=1)


# PostgreSQL


async def postgres_stores(wanted: DataSet, server: str, say: Say) -> Stores:
    """Those three databases on the server; makes what is missing."""
    made: Community | None = None
    urls: dict[Kind, str] = {}
    connection = await asyncpg.connect(server)
    try:
        there = {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for kind in KINDS:
            name = wanted.name(kind, "postgres")
            urls[kind] = _database(server, name)
            if name in there:
                if kind == "ours" and migrate(parse_url(urls[kind])):
                    await _settle(urls[kind])
                continue
            making = f"{name}_making"
            old = {one for one in there if wanted.outdated(kind, "postgres", one)}
            for gone in (*old, making):
                await connection.execute(f'DROP DATABASE IF EXISTS "{gone}"')
            made = made or wanted.make()
            started = perf_counter()
            await connection.execute(f'CREATE DATABASE "{making}"')
            await _POSTGRES[kind](_database(server, making), made)
            await connection.execute(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
            size = await connection.fetchval("SELECT pg_database_size($1)", name)
            say(f"made {name}: {size / 1e6:,.0f} MB in {perf_counter() - started:.0f} s")
    finally:
        await connection.close()
    return Stores("postgres", *(urls[kind] for kind in KINDS))


async def _make_ours_in_postgres(url: str, made: Community) -> None:
    with tempfile.TemporaryDirectory() as directory:
        migrate(parse_url(url), directory=_first_migrations(Path(directory)))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET search_path = pwrbot")
        indexes = await connection.fetch(_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        await _fill_postgres(connection, made, "pwrbot")
        for index in indexes:  # empty ones: a later migration may drop it
            await connection.execute(
                f"CREATE INDEX {index['indexname']} ON voice_sessions (guild_id) WHERE FALSE"
            )
        await connection.execute("ANALYZE")
        migrate(parse_url(url))
        left = {index["indexname"] for index in await connection.fetch(_INDEXES)}
        for index in indexes:
            if index["indexname"] in left:
                await connection.execute(f"DROP INDEX {index['indexname']}")
                await connection.execute(index["indexdef"])
    finally:
        await connection.close()
    await _settle(url)


_INDEXES: Final = """
SELECT indexname, indexdef
FROM pg_indexes
WHERE
    schemaname = 'pwrbot' AND tablename = 'voice_sessions'
    AND indexname <> 'voice_sessions_pkey'
"""


async def _make_plain_in_postgres(url: str, made: Community) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(plain.POSTGRES_SCHEMA)
        await _fill_postgres(connection, made, "public")
        await connection.execute(plain.POSTGRES_INDEXES)
    finally:
        await connection.close()
    await _settle(url)


async def _make_pwr_bot_in_postgres(url: str, made: Community) -> None:
    rows = _by_join(made.sessions)
    active = rows.left_at > data.micros(data.NOW)
    left = np.where(active, rows.joined_at, rows.left_at)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(pwr_bot.POSTGRES_SCHEMA)
        await _copy(
            connection,
            "public",
            "voice_sessions",
            {
                "user_id": rows.user_id,
                "guild_id": rows.guild_id,
                "channel_id": rows.channel_id,
                "join_time": rows.joined_at - _POSTGRES_EPOCH,
                "leave_time": left - _POSTGRES_EPOCH,
                "is_active": active,
            },
        )
        await connection.execute(pwr_bot.INDEXES)
    finally:
        await connection.close()
    await _settle(url)


_POSTGRES: Final = {
    "ours": _make_ours_in_postgres,
    "pwr_bot": _make_pwr_bot_in_postgres,
    "plain": _make_plain_in_postgres,
}


async def _fill_postgres(connection: asyncpg.Connection, made: Community, schema: str) -> None:
    """In the order in which sessions ended, as a heap grows."""
    ended, still = made.ended.by_time(), made.open
    await _copy(
        connection,
        schema,
        "voice_sessions",
        {
            "guild_id": ended.guild_id,
            "user_id": ended.user_id,
            "joined_at": ended.joined_at - _POSTGRES_EPOCH,
            "channel_id": ended.channel_id,
            "left_at": ended.left_at - _POSTGRES_EPOCH,
        },
    )
    await _copy(
        connection,
        schema,
        "open_voice_sessions",
        {
            "guild_id": still.guild_id,
            "user_id": still.user_id,
            "channel_id": still.channel_id,
            "joined_at": still.joined_at - _POSTGRES_EPOCH,
        },
    )


async def _copy(
    connection: asyncpg.Connection, schema: str, table: str, columns: dict[str, np.ndarray]
) -> None:
    """COPY in PostgreSQL's binary format, which NumPy writes as it is."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, column in columns.items():
        fields += [(f"{name} length", ">i4"), (name, ">i1" if column.dtype == bool else ">i8")]
    layout = np.dtype(fields)
    count = len(next(iter(columns.values())))

    async def parts() -> AsyncIterator[bytes]:
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        for start in range(0, count, _CHUNK):
            rows = np.empty(min(_CHUNK, count - start), layout)
            rows["fields"] = len(columns)
            for name, column in columns.items():
                rows[f"{name} length"] = layout[name].itemsize
                rows[name] = column[start : start + _CHUNK]
            yield rows.tobytes()
        yield b"\xff\xff"

    await connection.copy_to_table(
        table, source=parts(), columns=list(columns), schema_name=schema, format="binary"
    )


async def _settle(url: str) -> None:
    """What the server would do by and by."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM (FREEZE, ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _database(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


# Both


def _by_join(sessions: Sessions) -> Sessions:
    return sessions.where(np.argsort(sessions.joined_at, kind="stable"))


def _first_migrations(directory: Path) -> Path:
    """A folder with those before the roll-ups, so that the others find all sessions there."""
    for engine in ("sqlite", "postgres"):
        folder = directory / "migrations" / engine
        folder.mkdir(parents=True)
        for path in sorted((sql_directory() / "migrations" / engine).glob("*.sql")):
            if int(path.name.split(".")[0]) <= FIRST:
                (folder / path.name).write_bytes(path.read_bytes())
    return directory


def _schema(kind: Kind, engine: str) -> Sequence[str]:
    """What makes a database's schema."""
    if kind == "ours":
        return [one.digest for one in read_migrations(sql_directory(), engine)[:ADDED_UP]]
    if kind == "plain":
        if engine == "sqlite":
            return [plain.SQLITE_SCHEMA, plain.SQLITE_INDEXES]
        return [plain.POSTGRES_SCHEMA, plain.POSTGRES_INDEXES]
    schema = pwr_bot.SQLITE_SCHEMA if engine == "sqlite" else pwr_bot.POSTGRES_SCHEMA
    return [schema, pwr_bot.INDEXES]


def numbered(text: str) -> tuple[str, list[str]]:
    """For asyncpg: ``:name`` becomes ``$1::type``; and the names in that order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}::{_TYPES.get(name, 'timestamptz')}"

    return re.sub(r"(?<!:):(\w+)", number, text), names


_TYPES: Final = {
    **dict.fromkeys(("guild_id", "user_id", "channel_id", "limit", "offset"), "bigint"),
    **dict.fromkeys(("key", "value"), "text"),
    **dict.fromkeys(("starts", "ends"), "timestamptz[]"),
}

"""Another program's database, read through our own engines and never changed.

Its statements are named SQL like ours, in a directory of their own; what they give are plain rows,
since nobody vouches for what another program kept in its columns.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from pwrbot.errors import PwrbotError
from pwrbot.repository.engine import Engine, EngineOptions, TransactionExecutor
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnavailable,
)
from pwrbot.repository.queries import EngineName, Query, load_queries
from pwrbot.repository.statement import NO_ROWS, Row, Statement, sql_text
from pwrbot.repository.url import PostgresURL, SQLiteURL

CONNECT_SECONDS: Final = 10
"""For reaching a server whose URL does not say."""

_STATEMENT_SECONDS: Final = 3600.0  # sorting ten million rows takes its time
_SQLITE_HEADER: Final = b"SQLite format 3\0"


class SourceRefused(PwrbotError):
    """This source cannot be read at all: name another one."""

    exit_code = 2


class SourceUnavailable(PwrbotError):
    """The source cannot be read just now, or not as it is."""


class ForeignDatabase:
    """A foreign database that is open for reading. Use ``open_foreign``.

    Every method raises SourceUnavailable where the database fails it.
    """

    def __init__(
        self, executor: TransactionExecutor, engine: Engine, place: str, sql: Path
    ) -> None:
        self._executor = executor
        self._engine = engine
        self._queries = load_queries(sql).queries[engine.name]
        self.place = place
        """What people call it; without a password."""
        self.schema = ""
        """PostgreSQL: the schema its tables are looked for in; empty: wherever the role looks."""

    @property
    def engine_name(self) -> EngineName:
        return self._engine.name

    async def version(self) -> str:
        """The engine and its version, for people."""
        return await self._engine.version()

    def query_names(self) -> Iterable[str]:
        """The statements of the directory: ``file.name``."""
        return self._queries.keys()

    async def misfits(self, names: Sequence[str], tables: frozenset[str]) -> Mapping[str, str]:
        """What the database says of those of these statements that do not fit its tables."""
        with _told(self.place):
            return await self._engine.check([self._statement(name, tables) for name in names])

    async def fetch(self, name: str, tables: frozenset[str] = frozenset()) -> Sequence[Row]:
        """All rows of a statement."""
        with _told(self.place):
            return await self._executor.fetch(self._statement(name, tables), ())

    async def stream(self, name: str, tables: frozenset[str]) -> AsyncIterator[Row]:
        """The rows of a statement one after another, so that they need not fit into memory."""
        rows = self._executor.stream(self._statement(name, tables), ())
        while True:
            with _told(self.place):
                row = await anext(rows, None)
            if row is None:
                return
            yield row

    def _statement(self, name: str, tables: frozenset[str]) -> Statement:
        query: Query = self._queries[name]
        return Statement(
            query,
            sql_text(query, self.engine_name, {}, schema=self.schema, tables=tables),
            {},
            NO_ROWS,
        )


@asynccontextmanager
async def open_foreign(
    url: SQLiteURL | PostgresURL, sql: Path, *, lock_wait: float = 5.0
) -> AsyncGenerator[ForeignDatabase]:
    """Open it for reading, with the statements of a directory.

    ``lock_wait``: seconds to wait for another process to unlock a SQLite file. Raises
    SourceRefused, SourceUnavailable.
    """
    if isinstance(url, SQLiteURL):
        _look_at_file(url.path)
    place = _place(url)
    with _told(place):
        engine = await _open(url, lock_wait)
    try:
        async with engine.transaction() as executor:
            yield ForeignDatabase(executor, engine, place, sql)
    finally:
        await engine.close()


async def _open(url: SQLiteURL | PostgresURL, lock_wait: float) -> Engine:
    """Open it, once: whoever asked is there to see what is wrong."""
    options = EngineOptions(
        pool_max=2,
        timeout=_STATEMENT_SECONDS,
        slow=float("inf"),
        readers=0,
        read_only=True,
        lock_wait=lock_wait,
        no_trace=True,
        any_text=True,
    )
    if isinstance(url, SQLiteURL):
        from pwrbot.repository.engine.sqlite import SQLiteEngine

        return await SQLiteEngine.open(url.path, options)
    from pwrbot.repository.engine.postgres import PostgresEngine

    seconds = url.connect_timeout or CONNECT_SECONDS
    url = msgspec.structs.replace(url, connect_timeout=seconds)
    return await PostgresEngine.open(url, options, pauses=())


def _place(url: SQLiteURL | PostgresURL) -> str:
    if isinstance(url, SQLiteURL):
        return str(url.path)
    hosts = ",".join(f"{host}:{port}" for host, port in url.hosts)
    return f"postgresql://{url.user}@{hosts}/{url.database}"


def _look_at_file(path: Path) -> None:
    """Tell apart what SQLite would all call the same. Raises SourceRefused."""
    name_one = "Name pwr-bot's SQLite file, or the postgresql:// URL of its database."
    try:
        with path.open("rb") as file:
            header = file.read(len(_SQLITE_HEADER))
    except FileNotFoundError:
        raise SourceRefused(f"There is no file {path}. {name_one}") from None
    except IsADirectoryError:
        raise SourceRefused(f"{path} is a directory. {name_one}") from None
    except PermissionError:
        raise SourceRefused(
            f"{path} may not be read: give the user that runs this the right to read it and to"
            " enter its directory, or import a copy."
        ) from None
    except OSError as error:
        raise SourceRefused(f"{path} cannot be read: {error.strerror}. {name_one}") from None
    if not header:
        raise SourceRefused(f"{path} is empty: nothing was ever stored in it. {name_one}")
    if header != _SQLITE_HEADER:
        raise SourceRefused(f"{path} is not a SQLite database. {name_one}")


class _told:
    """Around a use of the source: what went wrong, in words about the source."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: object) -> None:
        if isinstance(error, DatabaseError | OverflowError | ValueError):
            raise SourceUnavailable(_explained(self._place, error)) from error


def _explained(place: str, error: Exception) -> str:
    match error:
        case DatabaseBusy():
            return (
                f"{place} is locked by another program: stop pwr-bot, or import a copy of the file."
            )
        case DatabaseCorrupt():
            return (
                f"{place} is damaged: restore it from a backup, or save what can be saved with"
                ' `sqlite3 FILE ".recover" | sqlite3 NEW_FILE`, and import that.'
            )
        case DatabaseReadOnly():
            return (
                f"{place} cannot be read without changing it first: pwr-bot was cut off while it"
                " wrote. Start it once and stop it with Ctrl-C, or check the rights of the role."
            )
        case DatabaseUnavailable():
            return (
                f"{place} cannot be reached: check that it is there and runs, and that address,"
                f" user and password are right ({error})."
            )
        case DatabaseError():
            return f"{place} could not be read: {error}."
        case _:
            return f"{place} holds a value that cannot be read ({type(error).__name__})."

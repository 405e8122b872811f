"""aiosqlite's connection and its thread: one hop there and back, with a deadline."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import aiosqlite

from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine.watch import Watch
from pwrbot.repository.errors import DatabaseBusy, DatabaseUnavailable

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """aiosqlite's connection and thread, with one hop for a whole function."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], seconds: float) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self.watch = Watch(seconds, self.interrupt_now)

    async def opened(self) -> None:
        """Connect. Raises sqlite3.Error, and then leaves no thread behind."""
        try:
            await self
        except sqlite3.Error:
            self._thread.join()  # it is ending, and must not outlive the event loop
            raise

    async def close(self) -> None:
        self.watch.close()
        await super().close()
        self._thread.join()  # it is ending

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run ``function(connection, *arguments)`` in the connection's thread."""
        return await self.hop(function, *arguments)

    def hop(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """The same as aiosqlite's ``_execute``, without a coroutine of its own on the way."""
        if not self._running or self._connection is None:
            raise DatabaseUnavailable("the database is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        queue = cast("Any", self)._tx
        queue.put_nowait((answer, partial(function, self._connection, *arguments)))
        return answer

    def interrupt_now(self) -> None:
        """Stop the statement that runs, if any; it fails with SQLITE_INTERRUPT."""
        with suppress(ValueError, sqlite3.ProgrammingError):  # closed
            self._conn.interrupt()


def at_rest(path: Path) -> bool:
    """Whether it is a file in WAL mode that nobody has open: it may be read as one that rests.

    Else even a reader makes a -wal and a -shm beside it, and leaves them there. Who opens it for
    writing meanwhile may spoil what is read.
    """
    try:
        with path.open("rb") as file:
            in_wal_mode = file.read(20)[18:] == b"\x02\x02"
        return in_wal_mode and not path.with_name(f"{path.name}-wal").exists()
    except OSError:
        return False  # connecting tells what is wrong


WRITING: Final = ("cache_size = -16384", "wal_autocheckpoint = 8192")
"""Of the connection that writes. A burst of voice events changes some 400 pages, more than the
2 MB that are SQLite's default hold; and pages that change again and again are brought from the log
into the file once per 32 MB of it, not once per 4 MB."""


ELSEWHERE: Final = (
    "the database's file was moved, removed or replaced while it is in use, and what is written"
    " would be lost; put it back, or stop the bot and restore a backup: `pwrbot restore FILE`"
)


class FirmConnection(sqlite3.Connection):
    """A connection that writes only to the file that was at its path when it was opened.

    SQLite itself would go on, and say nothing, with one that nobody finds any more.
    """

    _path: Path | None = None
    _file: os.stat_result

    def stay_at(self, path: Path) -> None:
        """From here on nothing is begun where another file, or none, is at the path."""
        self._path, self._file = path, path.stat()

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """As of any connection. Raises DatabaseUnavailable, too."""
        if self._path is not None and not self.in_transaction:
            try:
                stays = os.path.samestat(self._path.stat(), self._file)
            except (FileNotFoundError, NotADirectoryError):
                stays = False
            except OSError:  # as where it may not be looked at: no sign that it was moved
                stays = True
            if not stays:
                raise DatabaseUnavailable(ELSEWHERE)
        return super().execute(*arguments)


async def connect(
    path: Path, options: EngineOptions, *, readonly: bool, immutable: bool = False
) -> Connection:
    wait = options.timeout if options.lock_wait is None else options.lock_wait

    def connector() -> sqlite3.Connection:
        # The writer may not make a missing file either: only migrations do.
        uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rw'}"
        connection = sqlite3.connect(
            f"{uri}&immutable=1" if immutable else uri,
            uri=True,
            isolation_level=None,
            timeout=wait,
            cached_statements=1024,
            factory=FirmConnection,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if options.any_text:
                connection.text_factory = partial(str, encoding="utf-8", errors="replace")
            if readonly:
                connection.execute("PRAGMA query_only = ON")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                for pragma in WRITING:
                    connection.execute(f"PRAGMA {pragma}")
                connection.stay_at(path.absolute())
        except BaseException:
            connection.close()
            raise
        return connection

    connection = Connection(connector, options.timeout)
    await connection.opened()
    return connection


async def acquired(semaphore: asyncio.Semaphore, seconds: float) -> None:
    """Take it, at once where it is free. Raises DatabaseBusy."""
    if not semaphore.locked():
        await semaphore.acquire()
        return
    async with deadline(seconds):
        await semaphore.acquire()


@asynccontextmanager
async def deadline(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DatabaseBusy(
            f"the database was busy for {seconds:g} seconds; try again in a moment"
        ) from None


async def in_time(connection: Connection, function: Callable[..., T], *arguments: Any) -> T:
    """A hop that is interrupted when it takes too long, or when nobody wants it any more."""
    connection.watch.start()
    try:
        return await connection.hop(function, *arguments)
    except asyncio.CancelledError:
        await asyncio.shield(_stopped(connection))
        raise
    finally:
        connection.watch.stop()


async def _stopped(connection: Connection) -> None:
    """Return once the statement that nobody wants any more has ended, so that no other is hit.

    One that waits for its thread cannot be interrupted yet: try again until it can.
    """
    over = asyncio.ensure_future(connection.call(_nothing))
    while not over.done():
        connection.interrupt_now()
        await asyncio.wait([over], timeout=0.01)
    with suppress(DatabaseUnavailable):
        over.result()


def _nothing(connection: sqlite3.Connection) -> None:
    del connection

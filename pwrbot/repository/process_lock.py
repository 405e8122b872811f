"""One bot process per database, or one per shard: another is refused before it can do harm."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from pwrbot.errors import PwrbotError
from pwrbot.repository.errors import DatabaseReadOnly
from pwrbot.repository.file_lock import FileLock
from pwrbot.repository.url import PostgresURL, SQLiteURL
from pwrbot.shards import Shards

if TYPE_CHECKING:
    from pwrbot.repository.engine.postgres_lock import PostgresLock

WAIT_SECONDS: Final = 30.0


class AlreadyRunning(PwrbotError):
    """Another pwrbot process is using this database; stop it first."""

    exit_code = 3


class ProcessLock:
    """Held from before the migrations until the bot is gone; ends with the process in any case.

    SQLite: a lock on ``<database>.lock`` beside the file; a second process is refused at once.
    PostgreSQL: an advisory lock on the schema; a second process waits ``wait_seconds``, so that
    the next version may start while the last one ends, and is refused then. ``on_taken`` is called
    if the connection is lost and another process has the lock when it is back: stop then.

    With ``shards`` (PostgreSQL only) it excludes those without, those that have one of these
    shards, and those that count the shards otherwise.
    """

    def __init__(
        self,
        url: SQLiteURL | PostgresURL,
        *,
        schema: str = "pwrbot",
        shards: Shards | None = None,
        wait_seconds: float = WAIT_SECONDS,
        on_taken: Callable[[], None] | None = None,
    ) -> None:
        self._url = url
        self._schema = schema
        self._shards = shards
        self._wait_seconds = wait_seconds
        self._on_taken = on_taken
        self._held: FileLock | PostgresLock | None = None

    async def acquire(self) -> None:
        """Take the lock, once. Raises AlreadyRunning, or DatabaseError where nobody can tell."""
        if isinstance(self._url, SQLiteURL):
            self._held = _lock_file(self._url)
            return
        from pwrbot.repository.engine.postgres_lock import PostgresLock

        lock = PostgresLock(self._url, self._schema, self._on_taken, self._shards)
        obstacle = await lock.acquire(self._wait_seconds)
        if obstacle is not None:
            own = "a DATABASE_SCHEMA" if self._shards is None else "SHARDS"
            raise AlreadyRunning(
                f"Schema {self._schema} of this database is taken. {obstacle}: stop it first, or"
                f" give this one {own} of its own."
            )
        self._held = lock

    async def release(self) -> None:
        """Let go; does nothing where it is not held."""
        held, self._held = self._held, None
        if isinstance(held, FileLock):
            held.release()
        elif held is not None:
            await held.release()

    async def __aenter__(self) -> ProcessLock:
        await self.acquire()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.release()


def _lock_file(url: SQLiteURL) -> FileLock:
    # The real path: whoever comes by a symbolic link meets the same lock.
    path = url.path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseReadOnly(
            f"The directory of the database cannot be made: {path.parent}: {error.strerror}."
            " Give pwrbot one that it can write to."
        ) from None
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    if not lock.try_acquire():
        holder = lock.holder()
        raise AlreadyRunning(
            f"Another pwrbot process{f' ({holder})' if holder else ''} is using {url.path}; stop it"
            " first."
        )
    return lock

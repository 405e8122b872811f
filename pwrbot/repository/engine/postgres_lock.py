"""An advisory lock that is held for as long as the bot runs, on a connection of its own.

Straight to the server it is the session's lock. Behind a pooler, which lends out a server
connection per transaction, it is the lock of one transaction that stays open: an idle one that has
read nothing holds up nobody. Either way it ends with this process.

A process of a fleet shares the lock that a lone one has for itself, has one for each of its shards,
and shares one that tells the number of all shards. There is no lock that everybody shares with
their like only, so whoever has taken that looks for other numbers, and lets go where it finds one:
of two that come at once each may see the other, but never do both go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from math import ceil
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from pwrbot.repository.engine.advisory import advisory_class, advisory_key
from pwrbot.repository.engine.postgres_errors import FAILURES, translated
from pwrbot.repository.engine.postgres_reach import CONNECT_PAUSES, reached
from pwrbot.repository.url import PostgresURL
from pwrbot.shards import Shards

ANOTHER: Final = "Another pwrbot process is using it"
LONE: Final = "A pwrbot process without SHARDS is using it, or is about to migrate it"
OTHER_COUNT: Final = "A pwrbot process with another number of shards is using it"
SAME_SHARD: Final = "Another pwrbot process has one of these shards"

_POLL_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 10.0
_PING_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)

_OTHER_COUNTS: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = $1::bigint::oid AND objid <> $2::bigint::oid
    )"""

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


class PostgresLock:
    """One holder per database and schema, or one for each shard."""

    def __init__(
        self,
        url: PostgresURL,
        schema: str,
        on_taken: Callable[[], None] | None = None,
        shards: Shards | None = None,
    ) -> None:
        self._url = url
        self._key = advisory_key("process", schema)
        self._count_class = advisory_class("shard count", schema)
        self._shard_class = advisory_class("shard", schema)
        self._shards = shards
        self._on_taken = on_taken
        # Tells our own session from another's, should it outlive its connection.
        self._name = f"pwrbot lock {token_hex(6)}"
        self._connection: Connection | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def acquire(
        self, wait_seconds: float, *, pauses: Sequence[float] = CONNECT_PAUSES
    ) -> str | None:
        """Take the lock; who stands in the way, where they do so for ``wait_seconds``.

        An unreachable server is tried again after each pause. Raises DatabaseError.
        """
        connection = await reached(self._connect, pauses)
        obstacle: str | None = None
        try:
            for attempt in range(ceil(wait_seconds / _POLL_SECONDS) + 1):
                if attempt == 1:
                    log.info("waiting_for_other_process", at_most_seconds=wait_seconds)
                if attempt:
                    await asyncio.sleep(_POLL_SECONDS)
                obstacle = await self._take(connection)
                if obstacle is None:
                    self._connection = connection
                    self._watcher = asyncio.create_task(self._watch(), name="process lock")
                    return None
        except FAILURES as error:
            raise translated(error) from error
        finally:
            if self._connection is not connection:
                await _close(connection)
        return obstacle

    async def release(self) -> None:
        """Let go; does nothing where it is not held."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        if self._connection is not None:
            await _close(self._connection)
            self._connection = None

    async def _connect(self) -> Connection:
        arguments: dict[str, Any] = {"timeout": _ANSWER_SECONDS, **self._url.asyncpg_arguments()}
        settings = {**arguments.pop("server_settings", {}), "application_name": self._name}
        return await asyncpg.connect(
            **arguments,
            server_settings=settings,
            statement_cache_size=0,
            command_timeout=_ANSWER_SECONDS,
        )

    async def _take(self, connection: Connection) -> str | None:
        """All of the locks or none of them; None, or who stands in the way."""
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        if backend == connection.get_server_pid():
            obstacle = await self._locked(connection, "pg_try_advisory_lock")
            if obstacle is not None:
                await connection.execute("SELECT pg_advisory_unlock_all()")
            return obstacle
        # Behind a pooler the server that answers is not the one that was announced.
        await connection.execute("BEGIN")
        obstacle = await self._locked(connection, "pg_try_advisory_xact_lock")
        if obstacle is not None:
            await connection.execute("ROLLBACK")
        return obstacle

    async def _locked(self, connection: Connection, lock: str) -> str | None:
        shards = self._shards
        if shards is None:
            taken = await connection.fetchval(f"SELECT {lock}({self._key})")
            return None if taken else ANOTHER
        if not await connection.fetchval(f"SELECT {lock}_shared({self._key})"):
            return LONE
        await connection.fetchval(f"SELECT {lock}_shared({self._count_class}, {shards.count})")
        if await connection.fetchval(_OTHER_COUNTS, self._count_class, shards.count):
            return OTHER_COUNT
        taken = await connection.fetchval(
            f"SELECT bool_and({lock}({self._shard_class}, id)) FROM unnest($1::int[]) AS id",
            list(shards.ids),
        )
        return None if taken else SAME_SHARD

    async def _watch(self) -> None:
        """Notice when the connection is lost, and take the lock again before anybody else does."""
        while True:
            await self._until_lost()
            log.warning("process_lock_lost", hint="its connection ended; taking it again")
            if not await self._retake():
                log.error("process_lock_taken", hint="another pwrbot process has it now")
                if self._on_taken is not None:
                    self._on_taken()
                return
            log.info("process_lock_retaken")

    async def _until_lost(self) -> None:
        connection = self._connection
        assert connection is not None
        ended = asyncio.Event()

        def on_end(_: Any) -> None:
            ended.set()

        connection.add_termination_listener(on_end)
        while not (ended.is_set() or connection.is_closed()):
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await ended.wait()
            except TimeoutError:
                try:
                    await connection.execute("SELECT 1")
                except FAILURES:
                    break
        connection.terminate()

    async def _retake(self) -> bool:
        """Try until there is an answer; False if another process has the lock."""
        while True:
            try:
                connection = await self._connect()
            except FAILURES:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            try:
                obstacle = await self._take(connection)
                if obstacle is not None and not await self._end_old_session(connection):
                    # Perhaps it ended between the two questions.
                    obstacle = await self._take(connection)
                    if obstacle is not None:
                        return False
                if obstacle is None:
                    self._connection = connection
                    return True
            except FAILURES as error:
                log.warning("process_lock_not_retaken", error=type(error).__name__)
            finally:
                if self._connection is not connection:
                    connection.terminate()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _end_old_session(self, connection: Connection) -> bool:
        """End our own session, which the server may not know to be lost; False if it is gone."""
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity"
            " WHERE application_name = $1 AND pid <> pg_backend_pid()"
            " AND datname = current_database()",
            self._name,
        )
        return bool(ended)


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=5)
    except FAILURES:
        connection.terminate()

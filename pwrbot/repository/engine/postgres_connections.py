"""Connections to PostgreSQL: asyncpg's pool, and the one used last kept at hand.

Taking a connection out of asyncpg's pool and putting it back costs as much as a read by key. So
the one that comes back stays at hand for the next statement; the pool serves whoever comes while
it is in use, and gets back every connection on which something failed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import asyncpg

from pwrbot.repository.engine.postgres_errors import FAILURES, translated
from pwrbot.repository.errors import DatabaseBusy, DatabaseUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

IDLE_SECONDS = 300.0
"""How long a connection may be unused: longer, and something on the way may have dropped it."""
ENDING_SECONDS = 2.0
"""How long a server may take to end a statement that took too long, or a connection: one that is
there takes milliseconds, and what something on the way has dropped is never answered on."""


class Connections:
    """The connections of an engine. Closing them is final."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._at_hand: Connection | None = None
        self._kept_at = 0.0
        self._waiting = 0
        self._closed = False

    def lease(self) -> Lease:
        """A connection for a ``with`` block."""
        return Lease(self)

    async def take(self) -> Connection:
        """A connection of one's own until it is given back.

        Raises DatabaseBusy where none becomes free in time, DatabaseUnavailable.
        """
        if connection := self._taken_from_hand():
            if is_open(connection) and monotonic() - self._kept_at < IDLE_SECONDS:
                return connection
            await self._replace(connection)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout):
                return await self._pool.acquire()
        except TimeoutError:
            if self._pool.get_size() < self._pool.get_max_size():  # it was being opened
                raise DatabaseUnavailable() from None
            raise DatabaseBusy(
                f"no connection became free within {self._timeout:g} seconds; "
                "DATABASE_POOL_MAX allows more of them"
            ) from None
        except asyncpg.InterfaceError:
            raise DatabaseUnavailable("the database is closed") from None
        except FAILURES as error:
            raise translated(error) from error
        finally:
            self._waiting -= 1

    async def give_back(self, connection: Connection, *, failed: bool) -> None:
        """Keep it at hand, or leave it to the pool: for those who wait, or to see what ails it."""
        if failed or self._waiting or self._closed or self._at_hand is not None:
            await self._release(connection)
        else:
            self._at_hand = connection
            self._kept_at = monotonic()

    async def renew(self) -> None:
        """Open each anew when next asked for, but those in use.

        Where one broke, the others may have broken with it without being known to yet.
        """
        if connection := self._taken_from_hand():
            await self._replace(connection)
        await self._pool.expire_connections()

    async def close(self) -> None:
        """Close them all, those in use once they are given back; after two seconds at once."""
        self._closed = True
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                if connection := self._taken_from_hand():
                    await self._release(connection)
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    def _taken_from_hand(self) -> Connection | None:
        connection, self._at_hand = self._at_hand, None
        return connection

    async def _replace(self, connection: Connection) -> None:
        """Let the pool open another one in its place, when next asked."""
        if is_open(connection):
            connection.terminate()
        await self._release(connection)

    async def _release(self, connection: Connection) -> None:
        """Give it to the pool, which closes one that cannot be used again."""
        with suppress(*FAILURES):  # whoever had it has been told of what failed
            await self._pool.release(connection, timeout=ENDING_SECONDS)


class Lease:
    """A connection as long as a block lasts."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> Connection:
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        await self._connections.give_back(self._connection, failed=kind is not None)


def is_open(connection: Connection) -> bool:
    """Whether statements can still be sent over it."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the server hung up, and the pool took it back
        return False

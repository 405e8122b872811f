"""How one of several bot processes comes to its shards, in a database of its own version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from pwrbot.repository.migrations import being_migrated, status
from pwrbot.repository.process_lock import WAIT_SECONDS, AlreadyRunning, ProcessLock
from pwrbot.repository.url import PostgresURL, SQLiteURL
from pwrbot.shards import Shards

_POLL_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


async def join_fleet(
    url: SQLiteURL | PostgresURL,
    shards: Shards,
    migrate: Callable[[], Awaitable[object]],
    *,
    schema: str = "pwrbot",
    wait_seconds: float = WAIT_SECONDS,
    on_taken: Callable[[], None] | None = None,
) -> ProcessLock:
    """Take the lock of these shards, in a database with nothing left to migrate; gives it held.

    Where something is left, one process does it, with the lock of a lone one: no other can run
    beside it, and the others of its version wait until it is done, however long that takes. Else
    who stands in the way has ``wait_seconds`` to go; then this raises AlreadyRunning, also where
    processes of the version before still run. Raises MigrationError and DatabaseError as well.
    """
    alone, waited = False, 0.0
    while True:
        lock = ProcessLock(
            url,
            schema=schema,
            shards=None if alone else shards,
            wait_seconds=0,
            on_taken=on_taken,
        )
        try:
            await lock.acquire()
        except AlreadyRunning as error:
            if waited >= wait_seconds and not await asyncio.to_thread(
                being_migrated, url, schema=schema
            ):
                raise _in_the_way(error, alone) from None
            if not waited:
                log.info("waiting_for_other_processes", at_most_seconds=wait_seconds)
            await asyncio.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
            alone = await _is_pending(url, schema)
            continue
        try:
            pending = await _is_pending(url, schema)
            if alone or not pending:  # where nothing is, it refuses a database that is newer
                await migrate()
            if not (alone or pending):
                return lock
        except BaseException:
            await lock.release()
            raise
        await lock.release()
        alone = not alone


async def _is_pending(url: SQLiteURL | PostgresURL, schema: str) -> bool:
    return bool((await asyncio.to_thread(status, url, schema=schema)).pending)


def _in_the_way(error: AlreadyRunning, alone: bool) -> AlreadyRunning:
    if not alone:
        return error
    return AlreadyRunning(
        "The database has to be migrated for this version, and pwrbot processes that need it as it"
        " is are using it: stop all of them first, then start this version's."
    )

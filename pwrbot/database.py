"""The way to an open database: locked against other bots, migrated, its queries checked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from pwrbot.config import Config
from pwrbot.fleet import join_fleet
from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.migrations import migrate, status
from pwrbot.repository.process_lock import AlreadyRunning, ProcessLock
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url

_PATIENCE: Final = 3600.0
"""Seconds for a statement that nobody waits for."""

log = structlog.get_logger(__name__)


class Database(NamedTuple):
    """What the bot gets of its database, open and migrated."""

    repository: Repository
    engine_description: str
    schema_version: str


@asynccontextmanager
async def open_database(config: Config, *, alone: bool = False) -> AsyncGenerator[Database]:
    """Lock, migrate and connect on the way in; let go of all of it on the way out.

    ``alone``: whatever SHARDS says, beside no other process, and without waiting for one to go.
    Raises ConfigError, MigrationError, DatabaseError, or AlreadyRunning where another bot has it.
    """
    url = parse_url(config.database_url)
    schema = config.database_schema
    async with _locked_and_migrated(config, url, alone):
        state = await asyncio.to_thread(status, url, schema=schema)
        repository = await Repository.open(url, engine_options(config))
        try:
            engine = await repository.engine_version()
            log.info("database_open", engine=engine, schema_version=state.version)
            yield Database(repository, engine, state.version or "none")
        finally:
            await repository.close()


@asynccontextmanager
async def _locked_and_migrated(
    config: Config, url: SQLiteURL | PostgresURL, alone: bool
) -> AsyncGenerator[None]:
    schema, shards = config.database_schema, None if alone else config.shards

    async def bring_up_to_date() -> None:
        await _to_the_end(
            asyncio.to_thread(
                migrate,
                url,
                schema=schema,
                backup_dir=config.backup_dir,
                careful=config.auto_migrate == "safe",
            )
        )

    if shards is None or config.auto_migrate == "off":
        waiting = {"wait_seconds": 0.0} if alone else {}
        async with ProcessLock(url, schema=schema, shards=shards, on_taken=_give_way, **waiting):
            if config.auto_migrate != "off":
                await bring_up_to_date()
            yield
        return
    lock = await join_fleet(url, shards, bring_up_to_date, schema=schema, on_taken=_give_way)
    try:
        yield
    finally:
        await lock.release()


async def _to_the_end(work: Coroutine[Any, Any, object]) -> None:
    """Wait for it even when cancelled: a thread goes on, and must not do so without the lock."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _give_way() -> None:
    """Another process took the lock while the server was away: end before harming its sessions.

    Not the orderly way, which would end sessions that are the other's now.
    """
    log.critical("database_taken_over", do="this process ends; another one has its place")
    os._exit(AlreadyRunning.exit_code)


def patient_options(config: Config) -> EngineOptions:
    """For statements that look at all that somebody ever did: they may take an hour."""
    return msgspec.structs.replace(
        engine_options(config),
        timeout=_PATIENCE,
        slow=_PATIENCE,
        lock_wait=config.database_timeout_seconds,
    )


def engine_options(config: Config) -> EngineOptions:
    """The settings that concern the engine."""
    return EngineOptions(
        schema=config.database_schema,
        pool_min=config.database_pool_min,
        pool_max=config.database_pool_max,
        timeout=config.database_timeout_seconds,
        pgbouncer=config.database_pgbouncer,
        slow=config.slow_query_ms / 1000,
    )

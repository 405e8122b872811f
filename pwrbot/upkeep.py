"""What is done to a database by hand, for which most of the time no bot may be using it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pwrbot.config import Config
from pwrbot.database import patient_options
from pwrbot.repository import Repository
from pwrbot.repository.backups import restore
from pwrbot.repository.migrations import Status, rollback, vacuum
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import SQLiteURL, parse_url
from pwrbot.services.forget import forget_user


def roll_back(config: Config, steps: int, *, careful: bool) -> list[str]:
    """Take migrations back; a running bot would lose the tables under its feet. Blocks.

    Raises AlreadyRunning, and as ``rollback`` does.
    """
    with _alone(config):
        return rollback(
            parse_url(config.database_url),
            steps=steps,
            schema=config.database_schema,
            backup_dir=config.backup_dir,
            careful=careful,
        )


def bring_back(config: Config, source: Path) -> Status:
    """Restore a backup; a running bot would write into the same empty database. Blocks.

    Raises AlreadyRunning, and as ``restore`` does.
    """
    with _alone(config):
        return restore(parse_url(config.database_url), source, schema=config.database_schema)


def tidy(config: Config) -> None:
    """Give back what deleted rows took: SQLite writes its file anew, so no bot may run. Blocks.

    Raises AlreadyRunning, and as ``vacuum`` does.
    """
    url = parse_url(config.database_url)
    with _alone(config) if isinstance(url, SQLiteURL) else nullcontext():
        vacuum(url, schema=config.database_schema)


async def forget(config: Config, user_id: int) -> dict[str, int]:
    """Take away all that is kept about a user; rows by table, as ``forget_user`` gives them.

    Raises AlreadyRunning, and DatabaseError.
    """
    async with _lock(config):
        repository = await Repository.open(config.database_url, patient_options(config))
        try:
            return await forget_user(repository, user_id)
        finally:
            await repository.close()


@contextmanager
def _alone(config: Config) -> Generator[None]:
    """Hold the lock, while no event loop runs: a blocked one keeps Ctrl-C to itself to the end."""
    lock = _lock(config)
    with asyncio.Runner() as runner:
        runner.run(lock.acquire())
        try:
            yield
        finally:
            runner.run(lock.release())


def _lock(config: Config) -> ProcessLock:
    url = parse_url(config.database_url)
    return ProcessLock(url, schema=config.database_schema, wait_seconds=0)

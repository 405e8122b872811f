"""What is done to a database by hand, for which most of the time no bot may be using it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from pwrbot.config import Config
from pwrbot.database import patient_options
from pwrbot.repository import Repository
from pwrbot.repository.backups import restore
from pwrbot.repository.migrations import Status, rollback, vacuum
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import SQLiteURL, parse_url
from pwrbot.services.forget import forget_user


async def roll_back(config: Config, steps: int, *, careful: bool) -> list[str]:
    """Take migrations back; a running bot would lose the tables under its feet.

    Raises AlreadyRunning, and as ``rollback`` does.
    """
    async with _alone(config):
        return rollback(
            parse_url(config.database_url),
            steps=steps,
            schema=config.database_schema,
            backup_dir=config.backup_dir,
            careful=careful,
        )


async def bring_back(config: Config, source: Path) -> Status:
    """Restore a backup; a running bot would write into the same empty database.

    Raises AlreadyRunning, and as ``restore`` does.
    """
    async with _alone(config):
        return restore(parse_url(config.database_url), source, schema=config.database_schema)


async def tidy(config: Config) -> None:
    """Give back what deleted rows took: SQLite writes its file anew, so no bot may run.

    Raises AlreadyRunning, and as ``vacuum`` does.
    """
    url = parse_url(config.database_url)
    async with AsyncExitStack() as stack:
        if isinstance(url, SQLiteURL):
            await stack.enter_async_context(_alone(config))
        vacuum(url, schema=config.database_schema)


async def forget(config: Config, user_id: int) -> dict[str, int]:
    """Take away all that is kept about a user; rows by table, as ``forget_user`` gives them.

    Raises AlreadyRunning, and DatabaseError.
    """
    async with _alone(config):
        repository = await Repository.open(config.database_url, patient_options(config))
        try:
            return await forget_user(repository, user_id)
        finally:
            await repository.close()


def _alone(config: Config) -> ProcessLock:
    url = parse_url(config.database_url)
    return ProcessLock(url, schema=config.database_schema, wait_seconds=0)

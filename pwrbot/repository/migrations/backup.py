"""The copy of a SQLite file that is taken before its schema changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.migrations.errors import BackupFailed

log = structlog.get_logger(__name__)


def back_up(
    copy_to: Callable[[Path], None],
    database: Path,
    directory: Path | None,
    what: str,
    now: datetime,
) -> Path:
    """Copy a database to ``directory/NAME-STAMP-WHAT.db``, ``backups`` beside it by default.

    Names the copy in the log and returns it. Raises BackupFailed; then there is no copy.
    """
    directory = directory or database.parent / "backups"
    stem = f"{database.stem}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{what}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path = _free(directory, stem)
        copy_to(path)
    except (OSError, DatabaseError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BackupFailed(
            f"The database could not be copied to {directory}: {reason} Nothing was migrated."
            " Make room, or give BACKUP_DIR a directory that can be written to, and start again."
        ) from error
    log.info("database_copied_before_migrating", copy=str(path), bytes=path.stat().st_size)
    return path


def _free(directory: Path, stem: str) -> Path:
    """A name that is not taken: nothing is ever overwritten."""
    path = directory / f"{stem}.db"
    number = 2
    while path.exists():
        path = directory / f"{stem}-{number}.db"
        number += 1
    return path

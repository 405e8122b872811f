"""Before PostgreSQL loses rows: a backup of the last day, or a clear refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from pwrbot.repository.migrations.backup import fresh_backup
from pwrbot.repository.migrations.destructive import Danger, losses, losses_back, marks
from pwrbot.repository.migrations.errors import DestructiveRefused
from pwrbot.repository.migrations.files import Migration
from pwrbot.repository.url import PostgresURL

log = structlog.get_logger(__name__)


def backed_up_forth(
    url: PostgresURL,
    migrations: Sequence[Migration],
    directory: Path | None,
    now: datetime,
    *,
    careful: bool,
) -> None:
    """Look for a backup where one of these migrations loses something.

    Where there is none it is logged; ``careful`` raises DestructiveRefused instead, which says
    what to do. Raises MigrationFilesError.
    """
    losing = [danger for one in migrations for danger in losses(one)]
    if not losing or fresh_backup(directory, url.database, now):
        return
    if not careful:
        _warn(losing)
        return
    reasons = [mark.reason for one in migrations if losses(one) for mark in marks(one.path)]
    why = f"The reason given: {'; '.join(reasons)}\n" if reasons else ""
    raise DestructiveRefused(
        "To start, the database would have to be changed in a way that cannot be undone, and there"
        " is no backup of it younger than a day. Nothing was changed. It would do this:\n"
        f"{_listed(losing)}{why}"
        "Make a backup, and start again:\n"
        "  pwrbot backup    (in a working copy: make backup)\n"
        "or do it without one:\n"
        "  pwrbot migrate    (in a working copy: make migrate)\n"
        "AUTO_MIGRATE=on does it at every start, whatever there is."
    )


def backed_up_back(
    url: PostgresURL,
    migrations: Sequence[Migration],
    directory: Path | None,
    now: datetime,
    *,
    careful: bool,
    since: datetime,
) -> None:
    """The same before these migrations are taken back, for a backup made after ``since``."""
    losing = [danger for one in migrations for danger in losses_back(one)]
    if not losing or fresh_backup(directory, url.database, now, since=since):
        return
    if not careful:
        _warn(losing)
        return
    raise DestructiveRefused(
        "Taking this back loses rows, and there is no backup of the database younger than a day and"
        " than these steps. Nothing was changed. It would do this:\n"
        f"{_listed(losing)}"
        "Make a backup, and try again:\n"
        "  pwrbot backup    (in a working copy: make backup)\n"
        "or do it without one:\n"
        f"  pwrbot rollback --steps {len(migrations)} --without-backup"
    )


def _warn(losing: Sequence[Danger]) -> None:
    log.warning("no_fresh_backup", destructive=[str(danger) for danger in losing])


def _listed(losing: Sequence[Danger]) -> str:
    return "".join(f"  {danger}\n" for danger in losing)

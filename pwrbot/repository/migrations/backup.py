"""The copy of a SQLite file that is taken before its schema changes, and the backup of a PostgreSQL
database that has to be there before one that destroys something.

A backup of PostgreSQL is a file in BACKUP_DIR, by ``pwrbot backup`` or others, named after the
database: ``pwrbot.dump``, ``pwrbot-20300506.sql.gz``; or a directory, as pg_dump can make one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec
import structlog

from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.migrations.errors import BackupFailed

KEPT: Final = 5
"""Before how many migrations copies of a SQLite file stay: each is as large as the file."""

FRESH: Final = timedelta(days=1)
"""How old a backup may be that a destructive step relies on."""

log = structlog.get_logger(__name__)


class Backup(msgspec.Struct, frozen=True):
    """A backup that was found."""

    path: Path
    age: timedelta
    bytes: int


def fresh_backup(
    directory: Path | None, database: str, now: datetime, *, since: datetime | None = None
) -> Backup | None:
    """The newest backup of a PostgreSQL database that is younger than a day, was written after
    ``since``, and is not empty.

    It is named in the log. None where there is no such backup, or it cannot be looked for.
    """
    if directory is None:
        return None
    try:
        found = [_looked_at(path, now) for path in directory.iterdir() if _is_of(path, database)]
    except OSError as error:
        log.warning("no_backups_to_look_at", directory=str(directory), reason=error.strerror)
        return None
    limit = FRESH if since is None else min(FRESH, now - since)
    fresh = [one for one in found if one.bytes > 0 and -_SKEW <= one.age < limit]
    if not fresh:
        return None
    newest = min(fresh, key=lambda one: one.age)
    log.info(
        "backup_found",
        backup=str(newest.path),
        age_seconds=round(newest.age.total_seconds()),
        bytes=newest.bytes,
    )
    return newest


def back_up(
    copy_to: Callable[[Path], None],
    database: Path,
    directory: Path | None,
    what: str,
    now: datetime,
) -> Path:
    """Copy a database to ``directory/NAME-STAMP-before-WHAT.db``, ``backups`` beside it by default.

    Names the copy in the log and returns it.
    Raises BackupFailed; then there is no copy.
    """
    directory = directory or database.parent / "backups"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        stem = f"{database.stem}-{stamp(now)}-before-{what}"
        path = under_free_name(copy_to, directory, stem, ".db")
    except (OSError, DatabaseError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BackupFailed(
            f"The database could not be copied to {directory}: {reason} Nothing was migrated."
            " Make room, or give BACKUP_DIR a directory that can be written to, and start again."
        ) from error
    log.info("database_copied_before_migrating", copy=str(path), bytes=path.stat().st_size)
    return path


def stamp(now: datetime) -> str:
    """A moment as names of backups have it: they sort by it."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def under_free_name(
    copy_to: Callable[[Path], None], directory: Path, stem: str, suffix: str
) -> Path:
    """Copy a database to the first name that is free, and return that: STEM, STEM-2, ..."""
    path, number = directory / f"{stem}{suffix}", 1
    while True:
        with suppress(FileExistsError):  # maybe another process has taken it meanwhile
            copy_to(path)
            return path
        number += 1
        path = directory / f"{stem}-{number}{suffix}"


def remove_repeated_copies(newest: Path) -> None:
    """Of those before the same migration the first and this one stay: one that fails at every
    start would fill the disk.
    """
    _remove(newest, lambda copies: copies[-1][1:-1])


def remove_old_copies(newest: Path) -> None:
    """Those before the last ``KEPT`` migrations stay; call it when what this one is for is done."""
    _remove(newest, lambda copies: list(chain.from_iterable(copies[:-KEPT])))


def _remove(newest: Path, chosen: Callable[[list[list[Path]]], list[Path]]) -> None:
    try:
        for path in chosen(_copies(newest)):
            path.unlink()
            log.info("old_copy_removed", copy=str(path))
    except OSError as error:
        log.warning("old_copies_not_removed", reason=error.strerror)


_COPY: Final = re.compile(r"(.+)-\d{8}T\d{6}Z-before-(\d{4}\.\w+)(?:-\d+)?\.db")
"""What bears a name of ours, whole: others are somebody's, and those before a rollback stay."""


def _copies(newest: Path) -> list[list[Path]]:
    """All of the same file, by the migration they were made before, those of the newest last."""
    named = [(path, _COPY.fullmatch(path.name)) for path in newest.parent.iterdir()]
    ours = {path: (match[1], match[2]) for path, match in named if match}
    database, _ = ours[newest]
    copies: dict[str, list[Path]] = {}
    # The newest is last even where the clock was set back.
    for path in sorted(ours, key=lambda path: (path == newest, path.stem)):
        of, migration = ours[path]
        if of == database:
            copies[migration] = [*copies.pop(migration, []), path]
    return list(copies.values())


_SKEW: Final = timedelta(minutes=5)
"""How far the clock of whoever wrote a backup may be ahead: one from tomorrow is no backup."""

_SUFFIXES: Final = (".dump", ".backup", ".sql", ".tar")
_PACKED: Final = (".gz", ".zst", ".xz", ".bz2", ".lz4")


def _is_of(path: Path, database: str) -> bool:
    """Whether it is called like a finished backup of this database. A copy of SQLite is not."""
    name = path.name
    for packed in _PACKED:
        name = name.removesuffix(packed)
    rest = name.removeprefix(database)
    # A database can be called like another one and more: pwrbot-staging, pwrbot_2.
    named = name.startswith(database) and re.match(r"\.|-\d|$", rest) is not None
    return named and (name.endswith(_SUFFIXES) or (path / "toc.dat").is_file())


def _looked_at(path: Path, now: datetime) -> Backup:
    """Its age is that of what was written to it last."""
    files = [one for one in path.iterdir() if one.is_file()] if path.is_dir() else [path]
    states = [file.stat() for file in files]
    written = max((state.st_mtime for state in states), default=0.0)
    return Backup(
        path=path,
        age=now - datetime.fromtimestamp(written, UTC),
        bytes=sum(state.st_size for state in states),
    )

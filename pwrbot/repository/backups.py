"""Backups of the whole database, made while the bot runs, and brought back into an empty one.

SQLite: a copy of the file, as of one moment. PostgreSQL: what pg_dump says of our schema. Either is
there whole or not at all, and has been read to its end before it bears its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from pwrbot.clock import Clock, SystemClock
from pwrbot.errors import PwrbotError
from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.migrations.backup import stamp, under_free_name
from pwrbot.repository.migrations.files import read_migrations
from pwrbot.repository.migrations.runner import Status, engine_of, open_backend, status
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, SQLiteURL
from pwrbot.repository.whole_file import whole_file


class NotBackedUp(PwrbotError):
    """No backup was made, and nothing of one was left behind."""


class NotRestored(PwrbotError):
    """The backup was not restored, and nothing was changed."""

    exit_code = 3


def backup(
    url: SQLiteURL | PostgresURL,
    target: Path | str | None = None,
    *,
    schema: str = "pwrbot",
    backup_dir: Path,
    clock: Clock | None = None,
) -> Path:
    """Write a backup and return where it is; the bot may go on writing meanwhile. Blocks.

    ``target`` is a new file, with a suffix, or a directory that gets one named after the database
    and the time (UTC); ``backup_dir`` by default, which alone is made where it is missing.
    Raises NotBackedUp, or DatabaseError where the database cannot be used at all.
    """
    if isinstance(url, SQLiteURL) and not url.path.exists():
        raise NotBackedUp(f"There is nothing to back up: {url.path} is not there.")
    with open_backend(url, schema) as backend:
        with backend.reading():
            if not backend.recorded():
                raise NotBackedUp("There is nothing to back up: the database is empty.")
        try:
            if target is None:
                target = backup_dir
                backup_dir.mkdir(parents=True, exist_ok=True)
            path = Path(target)
            if not path.is_dir():
                _check_file(path, str(target))
                backend.copy_to(path)
                return path
            at = stamp((clock or SystemClock()).now())
            if isinstance(url, SQLiteURL):
                return under_free_name(backend.copy_to, path, f"{url.path.stem}-{at}", ".db")
            return under_free_name(backend.copy_to, path, f"{url.database}-{at}", ".dump")
        except FileExistsError as error:
            raise NotBackedUp(
                f"{target} is there already, and nothing is ever overwritten: name another."
            ) from error
        except (OSError, DatabaseError) as error:
            reason = str(error)
            if isinstance(error, OSError):
                reason = (
                    f"{error.strerror}. Make room, or name a directory that is there and can be"
                    " written to."
                )
            raise NotBackedUp(f"No backup was written to {target}: {reason}") from error


def restore(url: SQLiteURL | PostgresURL, source: Path, *, schema: str = "pwrbot") -> Status:
    """Bring a backup back into a database that is not there or empty; what it has then. Blocks.

    The caller holds ProcessLock. Raises NotRestored, or DatabaseError where the database cannot be
    used at all; then nothing was changed.
    """
    try:
        if isinstance(url, SQLiteURL):
            _restore_file(url, source)
        else:
            _restore_schema(url, source, schema)
    except OSError as error:
        raise NotRestored(f"{source} cannot be restored: {error.strerror}.") from error
    return status(url, schema=schema)


def _check_file(path: Path, said: str) -> None:
    """Refuse what was meant as a directory, such as one that is not mounted."""
    if not path.exists() and (not path.suffix or said.endswith("/")):
        raise NotBackedUp(
            f"The directory {said} is not there. Make it first, or mount it. The name of a file has"
            " a suffix: today.db."
        )


def _restore_file(url: SQLiteURL, source: Path) -> None:
    for path in (url.path, *_beside(url.path)):
        if path.exists():
            raise NotRestored(
                f"There is a database already: {path}. Move it away, with the files beside it whose"
                " names begin alike, and try again."
            )
    for path in _beside(source):
        if path.exists():
            raise NotRestored(
                f"{source} is no backup but a database that is in use, or was not closed: {path} is"
                " a part of it. Make a backup of it with `pwrbot backup`, and restore that."
            )
    from pwrbot.repository.engine.sqlite_migrations import SQLiteMigrations

    with whole_file(url.path.resolve()) as part:
        shutil.copyfile(source, part)
        try:
            with SQLiteMigrations(part) as copy:
                damage = copy.damage()
                with copy.reading():
                    known = copy.recorded().keys()
        except DatabaseError as error:
            raise NotRestored(f"{source} is damaged, or no backup of a SQLite database.") from error
        if damage:
            raise NotRestored(f"{source} is damaged: {damage}. Take another backup.")
        _check_migrations(source, url, known)


def _restore_schema(url: PostgresURL, source: Path, schema: str) -> None:
    from pwrbot.repository.engine.postgres_migrations import PostgresMigrations

    with PostgresMigrations(url, schema) as backend, backend.exclusive(0):
        with backend.reading():
            taken = backend.has_tables()
        if taken:
            raise NotRestored(
                f"There is a database already: schema {schema} has tables. Restore into a new"
                " database, or give that schema another name (docs/backups.md), and try again."
            )
        try:
            _check_migrations(source, url, backend.recorded_in(source))
            backend.restore_from(source)
        except DatabaseError as error:
            raise NotRestored(f"{source} was not restored: {error}") from error
        backend.vacuum()  # else the planner knows nothing of the rows yet


def _beside(database: Path) -> list[Path]:
    """What SQLite writes beside a database that is in use; a stale one would be played into it."""
    database = database.resolve()  # beside the file, not beside a link to it
    return [database.with_name(f"{database.name}{end}") for end in ("-wal", "-journal")]


def _check_migrations(source: Path, url: SQLiteURL | PostgresURL, found: Collection[str]) -> None:
    if not found:
        raise NotRestored(
            f"{source} is no backup of pwrbot's, or one of an empty database, or, of PostgreSQL, of"
            " another schema than DATABASE_SCHEMA names."
        )
    known = {migration.id for migration in read_migrations(sql_directory(), engine_of(url))}
    if unknown := sorted(set(found) - known):
        raise NotRestored(
            f"{source} has {', '.join(unknown)}, which this version of pwrbot does not know: a"
            " newer version made it. Restore it with that one."
        )

"""Bring a database forward or back, one whole step at a time, one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import structlog

from pwrbot.clock import Clock, SystemClock
from pwrbot.repository.errors import ConstraintViolation, DatabaseError, DatabaseReadOnly
from pwrbot.repository.migrations.backed_up import backed_up_back, backed_up_forth
from pwrbot.repository.migrations.backup import (
    back_up,
    remove_old_copies,
    remove_repeated_copies,
)
from pwrbot.repository.migrations.errors import (
    DatabaseNewer,
    MigrationError,
    StepFailed,
    UnknownMigration,
)
from pwrbot.repository.migrations.files import Migration, read_migrations
from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, SQLiteURL

if TYPE_CHECKING:
    from pwrbot.repository.engine.migration_backend import Applied, MigrationBackend

LOCK_SECONDS: Final = 300.0

log = structlog.get_logger(__name__)

State = Literal["applied", "pending", "edited", "unknown"]


class MigrationStatus(msgspec.Struct, frozen=True):
    """One migration, as a database has it."""

    id: str
    state: State
    """edited: its statements are not those that were applied. unknown: no file is called so."""

    applied_at: datetime | None
    """Aware, UTC; None while it is pending."""


class Status(msgspec.Struct, frozen=True):
    """All migrations, those that the database does not have yet included, by number."""

    migrations: tuple[MigrationStatus, ...]

    @property
    def ok(self) -> bool:
        """False where a migration was edited after it was applied, or nobody knows it."""
        return all(migration.state in ("applied", "pending") for migration in self.migrations)

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids that ``migrate`` would apply."""
        return tuple(one.id for one in self.migrations if one.state == "pending")

    @property
    def version(self) -> str | None:
        """The last migration that was applied."""
        applied = [one.id for one in self.migrations if one.state != "pending"]
        return applied[-1] if applied else None


def migrate(
    url: SQLiteURL | PostgresURL,
    *,
    to: str | None = None,
    schema: str = "pwrbot",
    backup_dir: Path | None = None,
    careful: bool = False,
    wait_seconds: float = LOCK_SECONDS,
    directory: Path | None = None,
    clock: Clock | None = None,
) -> list[str]:
    """Apply what is pending, and return the ids in order. Blocks: call it in a thread.

    ``to`` is the last one to apply, an id or its number: the code needs all to start.

    Waits up to ``wait_seconds`` while another process does the same, and then has nothing to do.
    A SQLite file that holds data is first copied to ``backup_dir`` (``backups`` beside it).
    ``careful`` is for when nobody watches: on PostgreSQL, what is destructive is done only where
    ``backup_dir`` holds a fresh backup; else nothing is done, and DestructiveRefused says so.
    Raises MigrationError, or DatabaseError where the database cannot be used at all.
    """
    clock = clock or SystemClock()
    root = directory or sql_directory()
    migrations = read_migrations(root, engine_of(url))
    with open_backend(url, schema) as backend:
        with backend.reading():
            recorded = backend.recorded()
        _name_edited(migrations, recorded)
        if not _until(to, migrations, _pending(migrations, recorded)):
            return []
        with backend.exclusive(wait_seconds):
            backend.prepare()
            with backend.reading():
                recorded = backend.recorded()
            pending = _until(to, migrations, _pending(migrations, recorded))
            todo = [(one, one.forth()) for one in pending]
            copy: Path | None = None
            if todo and recorded:  # else there are no rows to lose
                if isinstance(url, SQLiteURL):
                    what = todo[0][0].id
                    copy = back_up(backend.copy_to, url.path, backup_dir, what, clock.now())
                    remove_repeated_copies(copy)
                else:
                    backed_up_forth(url, pending, backup_dir, clock.now(), careful=careful)
            done = [one.id for one, steps in todo if _forth(backend, one, steps, clock.now())]
            if copy:
                remove_old_copies(copy)
            return done


def rollback(
    url: SQLiteURL | PostgresURL,
    *,
    steps: int = 1,
    schema: str = "pwrbot",
    backup_dir: Path | None = None,
    careful: bool = False,
    wait_seconds: float = LOCK_SECONDS,
    directory: Path | None = None,
    clock: Clock | None = None,
) -> list[str]:
    """Take back the last ``steps`` migrations, or all if there are fewer; returns their ids.

    A SQLite file is copied first, and with ``careful`` PostgreSQL's backup looked for, as
    ``migrate`` does, but one made after these migrations; raises as it does.
    """
    if steps < 1:
        raise MigrationError("At least one step has to be taken back: STEPS=1 or more.")
    clock = clock or SystemClock()
    migrations = read_migrations(directory or sql_directory(), engine_of(url))
    if isinstance(url, SQLiteURL) and not url.path.exists():
        return []
    with open_backend(url, schema) as backend, backend.exclusive(wait_seconds):
        with backend.reading():
            recorded = backend.recorded()
        _pending(migrations, recorded)
        applied = [one for one in reversed(migrations) if one.id in recorded]
        todo = [(one, one.back()) for one in applied[:steps]]
        if todo and isinstance(url, SQLiteURL):
            what = f"rollback-{todo[0][0].id}"
            back_up(backend.copy_to, url.path, backup_dir, what, clock.now())
        elif todo and isinstance(url, PostgresURL):
            # An older one has nothing of what they made.
            since = max(recorded[one.id].at for one, _ in todo)
            backed_up_back(
                url, applied[:steps], backup_dir, clock.now(), careful=careful, since=since
            )
        return [one.id for one, back in todo if _back(backend, one, back, clock.now())]


def status(
    url: SQLiteURL | PostgresURL, *, schema: str = "pwrbot", directory: Path | None = None
) -> Status:
    """What the database has and lacks; changes nothing. Raises as ``migrate`` does."""
    migrations = read_migrations(directory or sql_directory(), engine_of(url))
    recorded: dict[str, Applied] = {}
    if isinstance(url, PostgresURL) or url.path.exists():
        with open_backend(url, schema) as backend, backend.reading():
            recorded = backend.recorded()
    known = {migration.id: migration for migration in migrations}
    return Status(
        tuple(
            MigrationStatus(
                id=identity,
                state=_state(known.get(identity), recorded.get(identity)),
                applied_at=recorded[identity].at if identity in recorded else None,
            )
            for identity in sorted(known.keys() | recorded.keys())
        )
    )


def vacuum(url: SQLiteURL | PostgresURL, *, schema: str = "pwrbot") -> None:
    """Make a database as small as what is in it, and have it look at what that is. Blocks.

    SQLite writes the whole file anew and needs room for a second one; nobody can write meanwhile.
    PostgreSQL keeps the room for rows to come, and nobody waits. Raises DatabaseError.
    """
    if isinstance(url, PostgresURL) or url.path.exists():
        with open_backend(url, schema) as backend:
            backend.vacuum()


def being_migrated(url: SQLiteURL | PostgresURL, *, schema: str = "pwrbot") -> bool:
    """Whether some process is migrating it now. Behind a pooler nobody can tell: False."""
    with open_backend(url, schema) as backend:
        if not backend.try_lock():
            return True
        backend.unlock()
        return False


@contextmanager
def open_backend(url: SQLiteURL | PostgresURL, schema: str) -> Generator[MigrationBackend]:
    """A connection that migrates; makes the directory of a SQLite file. Raises DatabaseError."""
    # Only the driver that is needed is loaded.
    if isinstance(url, SQLiteURL):
        from pwrbot.repository.engine.sqlite_migrations import SQLiteMigrations

        try:
            url.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseReadOnly(
                f"The directory of the database cannot be made: {url.path.parent}:"
                f" {error.strerror}. Give pwrbot one that it can write to."
            ) from None
        backend = SQLiteMigrations(url.path)
    else:
        from pwrbot.repository.engine.postgres_migrations import PostgresMigrations

        backend = PostgresMigrations(url, schema)
    with backend:
        yield backend


def engine_of(url: SQLiteURL | PostgresURL) -> str:
    return "sqlite" if isinstance(url, SQLiteURL) else "postgres"


def _state(migration: Migration | None, applied: Applied | None) -> State:
    if applied is None:
        return "pending"
    if migration is None:
        return "unknown"
    return "applied" if applied.digest in (None, migration.digest) else "edited"


def _pending(migrations: Sequence[Migration], recorded: Mapping[str, Applied]) -> list[Migration]:
    """What is to be applied. Refuses a database that is ahead of the code."""
    known = {migration.id for migration in migrations}
    if unknown := sorted(recorded.keys() - known):
        raise DatabaseNewer(
            f"The database has {', '.join(unknown)}, which this version of pwrbot does not know:"
            " a newer version migrated it, or the file was renamed. Start that version, or take"
            " the migration back with it first (rollback)."
        )
    return [migration for migration in migrations if migration.id not in recorded]


def _until(
    target: str | None, migrations: Sequence[Migration], pending: Sequence[Migration]
) -> list[Migration]:
    """Of what is pending that up to a target. Refuses one that is unknown, or long passed."""
    if target is None:
        return list(pending)
    last = next((one for one in migrations if target in (one.id, one.id[:4])), None)
    if last is None:
        raise UnknownMigration(
            f"There is no migration {target}. Give its number or its whole name; `pwrbot status`"
            " lists them."
        )
    later = [one for one in migrations if one.id > last.id and one not in pending]
    if later and last not in pending:
        raise MigrationError(
            f"The database is past {last.id}: {later[-1].id} is applied. To take back what came"
            f" after it: pwrbot rollback --steps {len(later)}"
        )
    return [one for one in pending if one.id <= last.id]


def _name_edited(migrations: Sequence[Migration], recorded: Mapping[str, Applied]) -> None:
    """Say it loudly; the check of every query against the real schema guards the boot."""
    for migration in migrations:
        if _state(migration, recorded.get(migration.id)) == "edited":
            log.error(
                "migration_edited_after_it_was_applied",
                migration=migration.id,
                file=str(migration.path),
                hint="restore the file, and put the change into a new migration",
            )


def _forth(
    backend: MigrationBackend, migration: Migration, steps: Sequence[Step], now: datetime
) -> bool:
    """Apply one, whole or not at all; False where another process has just done so."""
    with _explained(migration.path, steps) as run, backend.writing():
        if migration.id in backend.recorded():
            return False
        run(backend)
        backend.record(migration.id, migration.digest, now)
    log.info("migration_applied", migration=migration.id)
    return True


def _back(
    backend: MigrationBackend, migration: Migration, steps: Sequence[Step], now: datetime
) -> bool:
    """Take one back, whole or not at all; False where another process has just done so."""
    with _explained(migration.rollback_path, steps) as run, backend.writing():
        if migration.id not in backend.recorded():
            return False
        run(backend)
        backend.forget(migration.id, now)
    log.info("migration_rolled_back", migration=migration.id)
    return True


@contextmanager
def _explained(path: Path, steps: Sequence[Step]) -> Generator[Callable[[MigrationBackend], None]]:
    """What runs the statements; an error says which of them failed, and how to go on."""
    current: Step | None = None

    def run(backend: MigrationBackend) -> None:
        nonlocal current
        for step in steps:
            current = step
            backend.run(step.text)
        current = None
        backend.check_rows()

    try:
        yield run
    except DatabaseError as error:
        where = f"{path}" if current is None else f"{path}:{current.line}"
        if type(error) is DatabaseError or isinstance(error, ConstraintViolation):
            advice = (
                "Correct the migration, or the rows it meets, and start again; until then the"
                " version of pwrbot before it still runs."
            )
        else:
            advice = "Start again once that is mended."
        raise StepFailed(
            f"{where}: {error}\nNothing of this step was done, and the steps before it stand."
            f" {advice}"
        ) from error

"""Migrating a SQLite file: yoyo's backend on one plain connection, locked by a sidecar file."""

# yoyo has no type stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from yoyo.backends.base import DatabaseBackend
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from pwrbot.repository.engine.migration_backend import MigrationBackend
from pwrbot.repository.engine.sqlite_errors import translated
from pwrbot.repository.errors import DatabaseCorrupt, DatabaseError, DatabaseUnavailable
from pwrbot.repository.file_lock import FileLock
from pwrbot.repository.whole_file import whole_file

_BUSY_SECONDS: Final = 30.0


class SQLiteMigrations(MigrationBackend, SQLiteBackend):
    """A SQLite file that is migrated; its directory must be there."""

    engine = "sqlite"

    def __init__(self, path: Path) -> None:
        # The real path: whoever comes by a symbolic link meets the same lock.
        self.path = path.resolve()
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.migrate-lock"))
        uri = DatabaseURI("sqlite", None, None, None, None, str(self.path), {})
        super().__init__(uri, default_migration_table)

    def connect(self, dburi: DatabaseURI) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                # The bot runs this in a thread and looks at the result in another.
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise DatabaseUnavailable(f"{self.path} cannot be opened: {error}") from None
        # Off, so that a table can be rebuilt without its children going with the old one;
        # check_rows looks after them before each commit.
        try:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            connection.close()
            raise self.explained(error) from None
        return connection

    def explained(self, error: Exception) -> DatabaseError:
        if not isinstance(error, sqlite3.Error):
            return DatabaseError(str(error))
        ours = translated(error)
        if isinstance(ours, DatabaseCorrupt):
            return DatabaseCorrupt(
                f"{self.path} is damaged or is no database ({error}). Move it away, and restore"
                " it from a backup: pwrbot restore FILE. Without one pwrbot begins with an empty"
                " database."
            )
        return DatabaseError(str(error)) if type(ours) is DatabaseError else ours

    def try_lock(self) -> bool:
        return self._lock.try_acquire()

    def unlock(self) -> None:
        self._lock.release()

    def begin_reading(self) -> None:
        self.connection.execute("BEGIN")

    def begin_writing(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def check_rows(self) -> None:
        dangling = self.rows("PRAGMA foreign_key_check")
        if dangling:
            table, _, parent, _ = dangling[0]
            raise DatabaseError(
                f"{len(dangling)} rows would refer to nothing, the first of them in {table}, which"
                f" refers to {parent}"
            )

    def copy_to(self, path: Path) -> None:
        try:
            with whole_file(path) as part:
                self.connection.execute("VACUUM INTO ?", (str(part),))
                with SQLiteMigrations(part) as copy:
                    if damage := copy.damage():
                        raise DatabaseCorrupt(
                            f"the copy is damaged ({damage}), and so, it seems, is {self.path};"
                            " restore it from a backup: `pwrbot restore FILE`."
                        )
                    with copy.reading():
                        if not copy.recorded():
                            raise DatabaseError("the copy has none of what was to be copied.")
                part.chmod(self.path.stat().st_mode & 0o777)
        except sqlite3.Error as error:
            raise DatabaseError(f"{error}.") from error

    def vacuum(self) -> None:
        self.run("VACUUM")
        self.run("ANALYZE")

    def damage(self) -> str | None:
        """What is damaged first, having read all of it. Raises DatabaseError."""
        try:
            ((verdict,),) = self.rows("PRAGMA integrity_check(1)")
        except sqlite3.Error as error:
            raise self.explained(error) from None
        return None if verdict == "ok" else verdict

    # yoyo changes how every connection of the process stores a datetime, and sqlite3's own way is
    # deprecated: here they are text before the driver sees them.

    def __enter__(self) -> SQLiteMigrations:
        DatabaseBackend.__enter__(self)
        return self

    def __exit__(self, *raised: object) -> None:
        self.connection.close()

    def execute(self, sql: str, params: Any = None) -> Any:
        if params:
            params = {
                name: value.isoformat(" ") if isinstance(value, datetime) else value
                for name, value in params.items()
            }
        return super().execute(sql, params)

"""Migrating a PostgreSQL schema: yoyo's backend over psycopg, locked by an advisory lock.

Everything that is set is set for one transaction, and where a pooler lends out connections per
transaction the lock is taken for each of them as well: nothing is left behind on a connection that
somebody else gets next.
"""

# yoyo has no type stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from pwrbot.repository.engine.advisory import advisory_key
from pwrbot.repository.engine.migration_backend import MigrationBackend
from pwrbot.repository.engine.postgres_programs import column_of, dump, load
from pwrbot.repository.engine.postgres_tls import tls_trouble
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
)
from pwrbot.repository.url import PostgresURL
from pwrbot.repository.whole_file import whole_file

_CONNECT_SECONDS: Final = 10
_LOCK_SECONDS: Final = 10


class PostgresMigrations(MigrationBackend, PostgresqlPsycopgBackend):
    """A PostgreSQL schema that is migrated."""

    engine = "postgres"

    def __init__(self, url: PostgresURL, schema: str) -> None:
        self._url = url
        self._schema_name = schema
        self._key = advisory_key("migrate", schema)
        # Without the address and the password: yoyo keeps it, and shows it when asked.
        uri = DatabaseURI("postgresql+psycopg", None, None, None, None, url.database, {})
        super().__init__(uri, default_migration_table)

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection[Any]:
        arguments: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "pwrbot migrate",
        }
        arguments.update(self._url.libpq_arguments())
        try:
            connection: psycopg.Connection[Any] = psycopg.connect(
                **arguments, autocommit=True, prepare_threshold=None
            )
        except psycopg.Error as error:
            raise _refused(error) from None
        try:
            (backend,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            # Behind a pooler the server that answers is not the one that was announced.
            self._pooled = backend != connection.info.backend_pid
            if not self._pooled:
                _notice_departure(connection)
        except psycopg.Error as error:
            connection.close()
            raise self.explained(error) from None
        return connection

    def explained(self, error: Exception) -> DatabaseError:
        if not isinstance(error, psycopg.Error):
            return DatabaseError(str(error))
        # The primary message only: the others show values of rows.
        message = error.diag.message_primary or _first_line(error)
        match error.sqlstate or "08000":
            case "53100":
                return DatabaseFull()
            case "25006" | "42501":
                return DatabaseReadOnly(
                    f"{message}; the role of DATABASE_URL must own schema {self._schema_name},"
                    " or be allowed to create it"
                )
            case "55P03" | "40P01" | "57014":
                return DatabaseBusy(f"{message}; try again")
            case state if state.startswith(("08", "57P")):
                return DatabaseUnavailable(f"the connection to PostgreSQL was lost: {message}")
            case state if state.startswith("22"):  # the message quotes the value
                meaning = re.sub(r"(?<=.)(?=[A-Z])", " ", type(error).__name__).lower()
                return DatabaseError(f"a value does not fit: {meaning} ({state})")
            case _:
                return DatabaseError(message)

    def try_lock(self) -> bool:
        return self._pooled or self._answer("SELECT pg_try_advisory_lock(:key)")

    def unlock(self) -> None:
        # Where the connection is gone the server has let go already.
        if not self._pooled and not self.connection.closed:
            self._answer("SELECT pg_advisory_unlock(:key)")

    def begin_reading(self) -> None:
        self.connection.execute("BEGIN READ ONLY")
        self._look_into_schema()

    def begin_writing(self) -> None:
        self.connection.execute("BEGIN")
        # A step that waits for a lock has everybody else wait behind it: better to try again.
        self.connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
        self._look_into_schema()
        if self._pooled:
            self.poll_lock(lambda: self._answer("SELECT pg_try_advisory_xact_lock(:key)"))

    def create_schema(self) -> None:
        if not self._has_schema():
            self.execute(f"CREATE SCHEMA {self.quote_identifier(self._schema_name)}")

    def copy_to(self, path: Path) -> None:
        self._refuse_pooler()
        with whole_file(path) as part:
            dump(self._url, self._schema_name, self._server_version(), part)

    def vacuum(self) -> None:
        tables = self.rows(
            "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            # Those that are parts of others go with them.
            " WHERE nspname = :schema AND relkind IN ('r', 'p') AND NOT relispartition"
            " ORDER BY relname",
            {"schema": self._schema_name},
        )
        schema = self.quote_identifier(self._schema_name)
        for (table,) in tables:
            self.run(f"VACUUM (ANALYZE) {schema}.{self.quote_identifier(table)}")

    def recorded_in(self, backup: Path) -> list[str]:
        """The ids of the migrations that a backup of this schema has; none: it is of another."""
        return column_of(backup, self._schema_name, default_migration_table, "migration_id")

    def restore_from(self, backup: Path) -> None:
        """Fill the schema, which has no tables, with what ``copy_to`` wrote: all or nothing."""
        self._refuse_pooler()
        with self.reading():
            was_there = self._has_schema()
        with self.writing():
            self.create_schema()
        try:
            load(self._url, self._schema_name, self._server_version(), backup)
        except DatabaseError:
            if not was_there:
                self.run(f"DROP SCHEMA {self.quote_identifier(self._schema_name)}")
            raise

    def record(self, *arguments: Any) -> None:
        self._look_into_schema()  # whatever the statements of the migration set
        super().record(*arguments)

    def forget(self, *arguments: Any) -> None:
        self._look_into_schema()
        super().forget(*arguments)

    def rollback(self) -> None:
        self._in_transaction = False
        if not self.connection.closed:
            self.connection.execute("ROLLBACK")

    def _has_schema(self) -> bool:
        names = self.rows(
            "SELECT 1 FROM pg_namespace WHERE nspname = :name", {"name": self._schema_name}
        )
        return bool(names)

    def _server_version(self) -> int:
        connection: psycopg.Connection[Any] = self.connection
        return connection.info.server_version // 10000

    def _refuse_pooler(self) -> None:
        """PostgreSQL's own programs set up the connection they get, and leave it so."""
        if self._pooled:
            raise DatabaseError(
                "DATABASE_URL leads through a pooler that lends out connections per transaction."
                " Give this command a DATABASE_URL that leads straight to the server."
            )

    def _look_into_schema(self) -> None:
        self.execute(f"SET LOCAL search_path TO {self.quote_identifier(self._schema_name)}")

    def _answer(self, question: str) -> bool:
        return bool(self.rows(question, {"key": self._key})[0][0])


def _notice_departure(connection: psycopg.Connection[Any]) -> None:
    """Have the server give up a long statement, and the lock, soon after this process is killed."""
    with suppress(psycopg.Error):  # some platforms cannot
        connection.execute("SET client_connection_check_interval = 500")


def _refused(error: psycopg.Error) -> DatabaseError:
    """Why there is no connection, without the host: where it is named, DATABASE_URL is too."""
    reason = _first_line(error)
    if trouble := tls_trouble(error):
        return DatabaseUnavailable(trouble)
    if "password" in reason or "authentication" in reason or "pg_hba" in reason:
        return DatabaseUnavailable(
            "the server refused the user or the password; check DATABASE_URL"
        )
    if "does not exist" in reason:
        return DatabaseUnavailable(
            "the server has no such database or user; create it or check DATABASE_URL"
        )
    return DatabaseUnavailable(
        f"PostgreSQL cannot be reached ({reason.rpartition(': ')[2]}); check that it runs and that"
        " DATABASE_URL is right"
    )


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rpartition("failed: ")[2].strip() if lines else type(error).__name__

"""What migrating needs of a database: yoyo's tables and dialects, in transactions of our own.

yoyo commits a migration's statements first and its mark afterwards, over another connection: a
process killed in between leaves a database that no boot gets past. Here the statements, yoyo's log
and mark, and our digest of the statements are one transaction on one connection, and the lock is
one that ends with its holder.
"""

# yoyo has no type stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from yoyo import internalmigrations
from yoyo.backends.base import DatabaseBackend
from yoyo.migrations import default_migration_table, get_migration_hash

import pwrbot
from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.migrations.errors import LockWaitOver

DIGEST_TABLE: Final = "_pwrbot_migration"
BOOKKEEPING: Final = frozenset(
    {default_migration_table, "_yoyo_log", "_yoyo_version", "yoyo_lock", DIGEST_TABLE}
)
"""The tables that are about migrations, and no part of the schema."""

_POLL_SECONDS: Final = 0.1

log = structlog.get_logger(__name__)


class Applied(msgspec.Struct, frozen=True):
    """What the database says of a migration that was applied."""

    at: datetime
    """Aware, UTC."""

    digest: str | None
    """Of its statements as they were then; None where yoyo's own tool applied it."""


class MigrationBackend(DatabaseBackend):
    """A connection that migrates. Use it in a ``with`` block."""

    engine: str
    wait_seconds: float = 0.0

    # ---- what the engines do in their own ways

    def explained(self, error: Exception) -> DatabaseError:
        """The driver's error as one of ours."""
        raise NotImplementedError

    def try_lock(self) -> bool:
        raise NotImplementedError

    def unlock(self) -> None:
        raise NotImplementedError

    def begin_reading(self) -> None:
        raise NotImplementedError

    def begin_writing(self) -> None:
        raise NotImplementedError

    def create_schema(self) -> None:
        """Make the place that the tables go to, where that is missing."""

    def check_rows(self) -> None:
        """Raise DatabaseError where a row refers to one that is not there."""

    def copy_to(self, path: Path) -> None:
        """Write a verified copy of the database, which has migrations, to a new file.

        Raises DatabaseError, and OSError: FileExistsError where it is there by then.
        """
        raise NotImplementedError

    def vacuum(self) -> None:
        """Give back the room that deleted rows took, and count what there is for the planner."""
        raise NotImplementedError

    # ---- what migrating is made of

    @contextmanager
    def exclusive(self, wait_seconds: float) -> Generator[None]:
        """Be the only process that migrates; raises LockWaitOver after that many seconds."""
        self.wait_seconds = wait_seconds
        self.poll_lock(self.try_lock)
        try:
            yield
        finally:
            self.unlock()

    def poll_lock(self, attempt: Any) -> None:
        """Call ``attempt`` until it succeeds. Never the blocking kind of lock: it can deadlock."""
        if attempt():
            return
        log.info("waiting_for_migrations", at_most_seconds=self.wait_seconds)
        deadline = time.monotonic() + self.wait_seconds
        while not attempt():
            if time.monotonic() >= deadline:
                raise LockWaitOver
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def reading(self) -> Generator[None]:
        """One transaction that changes nothing."""
        with self._transaction(self.begin_reading):
            yield

    @contextmanager
    def writing(self) -> Generator[None]:
        """One transaction: kept when the block ends, undone where it raises."""
        with self._transaction(self.begin_writing):
            yield

    def prepare(self) -> None:
        """Make what is missing of the schema and of the tables about migrations."""
        with self.writing():
            self.create_schema()
            if internalmigrations.needs_upgrading(self):
                internalmigrations.upgrade(self)
            if DIGEST_TABLE not in self.list_tables():
                self.execute(
                    f"CREATE TABLE {DIGEST_TABLE} "
                    "(migration_id TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL)"
                )
        self._internal_schema_updated = True

    def has_tables(self) -> bool:
        """Whether there is anything yet. Within a transaction."""
        return bool(self.list_tables())

    def recorded(self) -> dict[str, Applied]:
        """The migrations that were applied, by id. Within a transaction."""
        tables = set(self.list_tables())
        if self.migration_table not in tables:
            return {}
        digests: dict[str, str] = {}
        if DIGEST_TABLE in tables:
            digests = dict(self.rows(f"SELECT migration_id, digest FROM {DIGEST_TABLE}"))
        marks = self.rows(f"SELECT migration_id, applied_at_utc FROM {self.migration_table}")
        return {
            identity: Applied(at=_aware(at), digest=digests.get(identity)) for identity, at in marks
        }

    def run(self, statement: str) -> None:
        """Run one statement; rows that it gives are read and dropped."""
        cursor = self.cursor()
        try:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()
        except self.driver.Error as error:
            raise self.explained(error) from error
        finally:
            cursor.close()

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """The rows of a query with ``:named`` parameters."""
        return list(self.execute(statement, values).fetchall())

    def record(self, identity: str, digest: str, now: datetime) -> None:
        """Mark a migration as applied. Within the transaction of its statements."""
        self._log(identity, "apply", now)
        mark = {
            "migration_hash": get_migration_hash(identity),
            "migration_id": identity,
            "when": _naive(now),
        }
        self.execute(self.format_sql(self.mark_migration_sql), mark)
        self.execute(
            f"INSERT INTO {DIGEST_TABLE} (migration_id, digest) VALUES (:id, :digest)",
            {"id": identity, "digest": digest},
        )

    def forget(self, identity: str, now: datetime) -> None:
        """Mark a migration as not applied. Within the transaction that takes it back."""
        self._log(identity, "rollback", now)
        mark = {"migration_hash": get_migration_hash(identity)}
        self.execute(self.format_sql(self.unmark_migration_sql), mark)
        self.execute(f"DELETE FROM {DIGEST_TABLE} WHERE migration_id = :id", {"id": identity})

    # ---- yoyo's own, where it does not do here

    @contextmanager
    def lock(self, timeout: float = 10) -> Generator[None]:
        """yoyo's lock is a row that stays when its holder is killed: ``exclusive`` is ours."""
        yield

    def init_connection(self, connection: Any) -> None:
        """Nothing outlives a transaction, so that a pooler may lend out the connection."""

    def _log(self, identity: str, operation: str, now: datetime) -> None:
        entry = {
            "id": str(uuid.uuid4()),
            "migration_id": identity,
            "migration_hash": get_migration_hash(identity),
            # yoyo asks who the user is, which fails where the user id has no name (containers).
            "username": f"pwrbot {pwrbot.__version__}",
            "hostname": socket.gethostname(),
            "created_at_utc": _naive(now),
            "operation": operation,
        }
        self.execute(self.format_sql(self.log_migration_sql), entry)

    @contextmanager
    def _transaction(self, begin: Any) -> Generator[None]:
        try:
            begin()
            self._in_transaction = True
            try:
                yield
            except BaseException:
                self.rollback()
                raise
            try:
                self.commit()
            except self.driver.Error:
                self.rollback()
                raise
        except self.driver.Error as error:
            raise self.explained(error) from error


def _naive(moment: datetime) -> datetime:
    """As yoyo's columns have it: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(stored: datetime | str) -> datetime:
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC)

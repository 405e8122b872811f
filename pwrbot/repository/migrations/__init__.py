"""The schema, step by step: yoyo's files and tables, locked, whole and guarded."""

from pwrbot.repository.migrations.destructive import unmarked
from pwrbot.repository.migrations.dump import check_schema, dump_schema, write_schema
from pwrbot.repository.migrations.errors import (
    BackupFailed,
    DatabaseNewer,
    DestructiveRefused,
    InvalidMigrationName,
    LockWaitOver,
    MigrationError,
    MigrationFilesError,
    StepFailed,
    UnknownMigration,
)
from pwrbot.repository.migrations.files import new_migration, read_migrations
from pwrbot.repository.migrations.own_schema import beyond_own_schema
from pwrbot.repository.migrations.runner import (
    MigrationStatus,
    Status,
    being_migrated,
    migrate,
    rollback,
    status,
    vacuum,
)

__all__ = [
    "BackupFailed",
    "DatabaseNewer",
    "DestructiveRefused",
    "InvalidMigrationName",
    "LockWaitOver",
    "MigrationError",
    "MigrationFilesError",
    "MigrationStatus",
    "Status",
    "StepFailed",
    "UnknownMigration",
    "being_migrated",
    "beyond_own_schema",
    "check_schema",
    "dump_schema",
    "migrate",
    "new_migration",
    "read_migrations",
    "rollback",
    "status",
    "unmarked",
    "vacuum",
    "write_schema",
]

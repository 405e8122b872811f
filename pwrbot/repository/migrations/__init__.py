"""The schema, step by step: yoyo's files and tables, locked, whole and guarded."""

from pwrbot.repository.migrations.dump import check_schema, dump_schema, write_schema
from pwrbot.repository.migrations.errors import (
    BackupFailed,
    DatabaseNewer,
    InvalidMigrationName,
    LockWaitOver,
    MigrationError,
    MigrationFilesError,
    StepFailed,
)
from pwrbot.repository.migrations.files import new_migration, read_migrations
from pwrbot.repository.migrations.runner import (
    MigrationStatus,
    Status,
    migrate,
    rollback,
    status,
)

__all__ = [
    "BackupFailed",
    "DatabaseNewer",
    "InvalidMigrationName",
    "LockWaitOver",
    "MigrationError",
    "MigrationFilesError",
    "MigrationStatus",
    "Status",
    "StepFailed",
    "check_schema",
    "dump_schema",
    "migrate",
    "new_migration",
    "read_migrations",
    "rollback",
    "status",
    "write_schema",
]

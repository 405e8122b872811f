"""Why a database is not migrated. Each leaves it as it was before the step that is named."""

from __future__ import annotations

from pwrbot.errors import PwrbotError


class MigrationError(PwrbotError):
    """The database cannot be migrated; nothing was changed."""

    exit_code = 3


class MigrationFilesError(MigrationError):
    """The files in sql/migrations are not what they have to be; the database was not touched."""


class DatabaseNewer(MigrationError):
    """The database was migrated by a newer version of pwrbot; start that one."""


class StepFailed(MigrationError):
    """A migration failed; nothing of it was applied."""


class LockWaitOver(MigrationError):
    """Another process has been migrating this database for too long; see what it does."""


class BackupFailed(MigrationError):
    """No copy of the database could be made, so nothing was migrated."""


class DestructiveRefused(MigrationError):
    """A migration would destroy what cannot be brought back, and there is no fresh backup."""


class UnknownMigration(MigrationError):
    """There is no migration of this name; `pwrbot status` lists them."""

    exit_code = 2


class InvalidMigrationName(MigrationError):
    """A migration is named in small letters, digits and underscores, like add_channel_names."""

    exit_code = 2

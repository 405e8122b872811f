"""asyncpg's errors in the repository's words. Never with a value, a host or a password in them."""

from __future__ import annotations

from typing import Final

import asyncpg

from pwrbot.repository.engine.postgres_tls import tls_trouble
from pwrbot.repository.errors import (
    CheckViolation,
    ConstraintViolation,
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ForeignKeyViolation,
    InvalidValue,
    NotNullViolation,
    UniqueViolation,
)
from pwrbot.repository.statement import Statement

FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection broke in the midst of something
    OSError,
    TimeoutError,
)
"""What asyncpg raises when the server or the way to it is at fault."""

_VIOLATIONS: Final[tuple[tuple[type[Exception], type[ConstraintViolation], str], ...]] = (
    (asyncpg.UniqueViolationError, UniqueViolation, "a row with this key is there already"),
    (asyncpg.ForeignKeyViolationError, ForeignKeyViolation, "the row it refers to is not there"),
    (asyncpg.CheckViolationError, CheckViolation, "breaks the rule"),
)

_OTHERS: Final[tuple[tuple[type[Exception], type[DatabaseError], str], ...]] = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        DatabaseUnavailable,
        "the server refused the user or the password; check DATABASE_URL",
    ),
    (
        asyncpg.InvalidCatalogNameError,
        DatabaseUnavailable,
        "the server has no such database; create it or check DATABASE_URL",
    ),
    (asyncpg.DiskFullError, DatabaseFull, ""),
    (asyncpg.ReadOnlySQLTransactionError, DatabaseReadOnly, ""),
    (asyncpg.InsufficientPrivilegeError, DatabaseReadOnly, ""),
    (asyncpg.QueryCanceledError, DatabaseBusy, ""),
    (asyncpg.LockNotAvailableError, DatabaseBusy, ""),
    (asyncpg.DeadlockDetectedError, DatabaseBusy, ""),
    (asyncpg.TooManyConnectionsError, DatabaseBusy, "the server has no connection left for us"),
    (asyncpg.DataError, InvalidValue, "a value does not fit its column"),
    (asyncpg.CannotConnectNowError, DatabaseUnavailable, "the server is starting or stopping"),
)

_AT_THE_DOOR: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ProtocolViolationError,
    asyncpg.ClientConfigurationError,
    OSError,
)
"""What a connection fails with over TLS; other errors may show values that only sound like it."""

_REFUSED: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)


def translated(error: Exception, statement: Statement | None = None) -> DatabaseError:
    """The error as one of ours, told with the statement's name."""
    about = f"{statement.name}: " if statement else ""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None  # the values of the row, which a traceback would show
    if trouble := _tls_trouble(error):
        return DatabaseUnavailable(about + trouble)
    for theirs, violation, text in _VIOLATIONS:
        if isinstance(error, theirs):
            constraint = getattr(error, "constraint_name", None)
            named = f" {constraint}" if violation is CheckViolation and constraint else ""
            return violation(f"{about}{text}{named}", constraint)
    if isinstance(error, asyncpg.NotNullViolationError):
        column = f"{error.table_name}.{error.column_name}" if error.column_name else "a column"
        return NotNullViolation(f"{about}{column} must have a value")
    for theirs, ours, text in _OTHERS:
        if isinstance(error, theirs):
            return ours(about + (text or ours().args[0]))
    if isinstance(error, TimeoutError):
        return DatabaseBusy(f"{about}the database did not answer in time; try again in a moment")
    if lost_connection(error) or isinstance(error, OSError):
        return DatabaseUnavailable(about + DatabaseUnavailable().args[0])
    code = getattr(error, "sqlstate", None) or type(error).__name__
    return DatabaseError(f"{about}PostgreSQL: {code}")


def lost_connection(error: Exception) -> bool:
    """Whether the connection broke, rather than the statement."""
    if isinstance(error, asyncpg.InterfaceError):
        # A connection that died was closed, or taken back by the pool that saw it first.
        return "closed" in str(error) or "released back" in str(error)
    return isinstance(
        error,
        asyncpg.PostgresConnectionError
        | asyncpg.InternalClientError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | ConnectionError,
    )


def is_passing(error: Exception) -> bool:
    """Whether the same attempt may succeed later: a server that starts, a network that is down."""
    return not (isinstance(error, _REFUSED) or _tls_trouble(error))


def _tls_trouble(error: Exception) -> str | None:
    return tls_trouble(error) if isinstance(error, _AT_THE_DOOR) else None

"""What callers and people are told when something fails."""

import inspect
import sqlite3
import ssl
from pathlib import Path

import asyncpg
import psycopg
import pytest

from pwrbot.errors import PwrbotError
from pwrbot.repository import errors
from pwrbot.repository.engine import postgres_errors, postgres_migrations, sqlite_errors
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseError,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    InvalidValue,
    Problem,
    QueryFileError,
)

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DatabaseError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_says_what_it_is(kind: type[DatabaseError]) -> None:
    assert issubclass(kind, PwrbotError)
    assert kind.__doc__
    if kind is not QueryFileError:
        assert str(kind("what happened")) == "what happened"


@pytest.mark.parametrize(
    "kind", [DatabaseBusy, DatabaseUnavailable, DatabaseFull, DatabaseReadOnly, DatabaseCorrupt]
)
def test_its_docstring_is_the_message_where_there_is_no_other(kind: type[DatabaseError]) -> None:
    assert str(kind()) == kind.__doc__


def test_problems_are_told_once_each_in_order() -> None:
    here = Path.cwd() / "sql" / "a.sql"
    problems = [Problem(here, 10, "x"), Problem(here, 9, "y"), Problem(here, 10, "x")]
    error = QueryFileError(problems)
    assert str(error) == "2 problems in the SQL layer:\n  sql/a.sql:9: y\n  sql/a.sql:10: x"
    assert error.exit_code == 2
    assert str(QueryFileError(problems[:1])).startswith("1 problem in the SQL layer:\n")


SQLITE = {
    "SQLITE_BUSY_SNAPSHOT": DatabaseBusy,
    "SQLITE_LOCKED": DatabaseBusy,
    "SQLITE_INTERRUPT": DatabaseBusy,
    "SQLITE_FULL": DatabaseFull,
    "SQLITE_READONLY_DIRECTORY": DatabaseReadOnly,
    "SQLITE_CORRUPT_INDEX": DatabaseCorrupt,
    "SQLITE_NOTADB": DatabaseCorrupt,
    "SQLITE_CANTOPEN": DatabaseUnavailable,
    "SQLITE_IOERR_WRITE": DatabaseUnavailable,
    "SQLITE_TOOBIG": InvalidValue,
    "SQLITE_ERROR": DatabaseError,
}


@pytest.mark.parametrize("code", SQLITE)
def test_what_sqlite_says(code: str) -> None:
    error = sqlite3.OperationalError("a table and a value")
    error.sqlite_errorname = code
    found = sqlite_errors.translated(error)
    assert type(found) is SQLITE[code]
    assert "a value" not in str(found)


def test_a_closed_sqlite_connection_is_unavailable() -> None:
    error = sqlite3.ProgrammingError("Cannot operate on a closed database.")
    assert type(sqlite_errors.translated(error)) is DatabaseUnavailable


POSTGRES = [
    (asyncpg.InvalidPasswordError, DatabaseUnavailable, False),
    (asyncpg.InvalidAuthorizationSpecificationError, DatabaseUnavailable, False),
    (asyncpg.InvalidCatalogNameError, DatabaseUnavailable, False),
    (asyncpg.InsufficientPrivilegeError, DatabaseReadOnly, False),
    (asyncpg.DiskFullError, DatabaseFull, True),
    (asyncpg.ReadOnlySQLTransactionError, DatabaseReadOnly, True),
    (asyncpg.QueryCanceledError, DatabaseBusy, True),
    (asyncpg.DeadlockDetectedError, DatabaseBusy, True),
    (asyncpg.TooManyConnectionsError, DatabaseBusy, True),
    (asyncpg.CannotConnectNowError, DatabaseUnavailable, True),
    (asyncpg.AdminShutdownError, DatabaseUnavailable, True),
    (asyncpg.CrashShutdownError, DatabaseUnavailable, True),
    (asyncpg.ConnectionDoesNotExistError, DatabaseUnavailable, True),
    (asyncpg.NumericValueOutOfRangeError, InvalidValue, True),
    (asyncpg.UndefinedTableError, DatabaseError, True),
    (ConnectionRefusedError, DatabaseUnavailable, True),
    (ConnectionResetError, DatabaseUnavailable, True),
    (OSError, DatabaseUnavailable, True),
    (TimeoutError, DatabaseBusy, True),
]


@pytest.mark.parametrize(("theirs", "ours", "passing"), POSTGRES)
def test_what_postgres_says(
    theirs: type[Exception], ours: type[DatabaseError], passing: bool
) -> None:
    error = theirs("10.0.0.1 hunter2 4711")
    found = postgres_errors.translated(error)
    assert type(found) is ours
    for secret in ("10.0.0.1", "hunter2", "4711"):
        assert secret not in str(found)
    assert postgres_errors.is_passing(error) is passing


TLS = [
    (
        asyncpg.InvalidAuthorizationSpecificationError(
            'no pg_hba.conf entry for host "10.0.0.1", user "bot", database "d", no encryption'
        ),
        "sslmode=require",
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError(
            'no pg_hba.conf entry for host "10.0.0.1", user "bot", database "d", SSL off'
        ),
        "sslmode=require",
    ),
    (asyncpg.ProtocolViolationError("SSL required"), "sslmode=require"),
    (
        ConnectionError('PostgreSQL server at "10.0.0.1:5432" rejected SSL upgrade'),
        "sslmode=disable",
    ),
    (
        ssl.SSLCertVerificationError(
            1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: 10.0.0.1"
        ),
        "sslrootcert",
    ),
    (
        asyncpg.ClientConfigurationError('root certificate file "/home/bot/root.crt" is missing'),
        "sslrootcert",
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError(
            "connection requires a valid client certificate"
        ),
        "sslcert",
    ),
]
LIBPQ = [
    (
        'connection to server at "10.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for'
        ' host "10.0.0.1", user "bot", database "d", no encryption',
        "sslmode=require",
    ),
    (
        'connection to server at "10.0.0.1", port 5432 failed: server does not support SSL, but'
        " SSL was required",
        "sslmode=disable",
    ),
    (
        'connection to server at "10.0.0.1", port 5432 failed: SSL error: certificate verify'
        " failed",
        "sslrootcert",
    ),
    (
        'connection to server at "10.0.0.1", port 5432 failed: root certificate file'
        ' "/home/bot/root.crt" does not exist\nEither provide the file',
        "sslrootcert",
    ),
]


@pytest.mark.parametrize(("theirs", "advice"), TLS, ids=lambda one: str(one)[:40])
def test_what_is_wrong_about_tls(theirs: Exception, advice: str) -> None:
    found = postgres_errors.translated(theirs)
    assert type(found) is DatabaseUnavailable
    assert advice in str(found)
    assert "10.0.0.1" not in str(found)
    assert "bot" not in str(found)
    assert not postgres_errors.is_passing(theirs)


@pytest.mark.parametrize(("theirs", "advice"), LIBPQ, ids=lambda one: str(one)[-40:])
def test_what_is_wrong_about_tls_when_migrating(theirs: str, advice: str) -> None:
    found = postgres_migrations._refused(psycopg.OperationalError(theirs))
    assert type(found) is DatabaseUnavailable
    assert advice in str(found)
    assert "10.0.0.1" not in str(found)
    assert "bot" not in str(found)


def test_a_user_that_sounds_like_tls_is_a_user() -> None:
    error = asyncpg.InvalidPasswordError(
        'password authentication failed for user "certificate_bot"'
    )
    assert "the user or the password" in str(postgres_errors.translated(error))


def test_a_value_that_sounds_like_tls_is_a_value() -> None:
    error = asyncpg.InvalidTextRepresentationError("invalid input: 'certificate'")
    assert type(postgres_errors.translated(error)) is InvalidValue


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("connection is closed", True),
        ("cannot call Connection.fetch(): connection has been released back to the pool", True),
        ("cannot perform operation: another operation is in progress", False),
    ],
)
def test_which_errors_of_the_driver_mean_that_the_connection_is_lost(text: str, lost: bool) -> None:
    error = asyncpg.InterfaceError(text)
    assert postgres_errors.lost_connection(error) is lost
    assert isinstance(postgres_errors.translated(error), DatabaseUnavailable) is lost

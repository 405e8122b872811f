"""sqlite3's errors in the repository's words, with the names PostgreSQL would give."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from pwrbot.repository.errors import (
    CheckViolation,
    DatabaseBusy,
    DatabaseCorrupt,
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

_BY_CODE: Final[dict[str, type[DatabaseError]]] = {
    "SQLITE_BUSY": DatabaseBusy,
    "SQLITE_LOCKED": DatabaseBusy,
    "SQLITE_INTERRUPT": DatabaseBusy,
    "SQLITE_FULL": DatabaseFull,
    "SQLITE_READONLY": DatabaseReadOnly,
    "SQLITE_PERM": DatabaseReadOnly,
    "SQLITE_CORRUPT": DatabaseCorrupt,
    "SQLITE_NOTADB": DatabaseCorrupt,
    "SQLITE_CANTOPEN": DatabaseUnavailable,
    "SQLITE_TOOBIG": InvalidValue,
    "SQLITE_MISMATCH": InvalidValue,
}


def translated(error: sqlite3.Error) -> DatabaseError:
    """The error as one of ours, where no statement is to blame."""
    code = getattr(error, "sqlite_errorname", None) or ""
    if code.startswith("SQLITE_IOERR"):
        return DatabaseUnavailable(
            f"the database's file could not be read or written ({code}); check its disk: room,"
            " quota, limits, health"
        )
    for prefix, ours in _BY_CODE.items():
        if code.startswith(prefix):
            return ours()
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error).lower():
        return DatabaseUnavailable("the database is closed")
    return DatabaseError(f"SQLite: {code or type(error).__name__}")


def explained(
    error: sqlite3.Error,
    connection: sqlite3.Connection,
    statement: Statement,
    values: Sequence[Any],
    *,
    many: bool = False,
) -> DatabaseError:
    """The error of a statement as one of ours; looks up which constraint it broke.

    Runs in the connection's thread, right after the failure.
    """
    code = getattr(error, "sqlite_errorname", None) or ""
    message = str(error)
    subject = message.partition("constraint failed: ")[2]
    if code in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
        name = _unique_constraint(connection, subject)
        return UniqueViolation(f"{statement.name}: a row with this key is there already", name)
    if code == "SQLITE_CONSTRAINT_FOREIGNKEY":
        name = _foreign_key(connection, statement, values, many)
        return ForeignKeyViolation(f"{statement.name}: the row it refers to is not there", name)
    if code == "SQLITE_CONSTRAINT_CHECK":
        return CheckViolation(f"{statement.name}: breaks the rule {subject}", subject or None)
    if code == "SQLITE_CONSTRAINT_NOTNULL":
        return NotNullViolation(f"{statement.name}: {subject} must have a value")
    if code == "SQLITE_CONSTRAINT_DATATYPE":
        return InvalidValue(f"{statement.name}: {message}")
    ours = translated(error)
    return type(ours)(f"{statement.name}: {ours}")


def _unique_constraint(connection: sqlite3.Connection, subject: str) -> str | None:
    """The name PostgreSQL gives by default to the constraint over ``t.a, t.b``."""
    if subject.startswith("index "):
        return subject.removeprefix("index ").strip("'")
    columns = [part.strip().rpartition(".") for part in subject.split(",")]
    table, names = columns[0][0], [name for _, _, name in columns]
    key = connection.execute(
        "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", (table,)
    ).fetchall()
    if sorted(name for (name,) in key) == sorted(names):
        return f"{table}_pkey"
    created = connection.execute(
        "SELECT l.name, group_concat(i.name, ',') FROM pragma_index_list(?1) AS l, "
        "pragma_index_info(l.name) AS i WHERE l.origin = 'c' AND l.\"unique\" GROUP BY l.name",
        (table,),
    ).fetchall()
    for index, indexed in created:
        if indexed.split(",") == names:
            return str(index)
    return f"{table}_{'_'.join(names)}_key"


def _foreign_key(
    connection: sqlite3.Connection, statement: Statement, values: Sequence[Any], many: bool
) -> str | None:
    """Which foreign key it was. SQLite does not say: run it again, deferred, look, and undo."""
    table = statement.query.module
    referring = connection.execute(
        "SELECT DISTINCT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f "
        "WHERE m.type = 'table' AND (m.name = ?1 OR f.\"table\" = ?1)",
        (table,),
    ).fetchall()
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN IMMEDIATE")
    connection.execute("SAVEPOINT which_foreign_key")
    try:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        run = connection.executemany if many else connection.execute
        run(statement.sql, values).fetchall()
        for (child,) in referring:
            broken = connection.execute(
                'SELECT f."from" FROM pragma_foreign_key_check(?1) AS c '
                "JOIN pragma_foreign_key_list(?1) AS f ON f.id = c.fkid ORDER BY f.id, f.seq",
                (child,),
            ).fetchall()
            if broken:
                return f"{child}_{broken[0][0]}_fkey"
    except sqlite3.Error:
        return None
    finally:
        connection.execute("ROLLBACK TO which_foreign_key")
        connection.execute("RELEASE which_foreign_key")
        connection.execute("PRAGMA defer_foreign_keys = OFF")
        if alone:
            connection.execute("ROLLBACK")
    return None

"""What somebody else does to a database that pwrbot uses."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from pwrbot.repository.url import PostgresURL, SQLiteURL


def run(url: SQLiteURL | PostgresURL, *statements: str, schema: str = "pwrbot") -> list[Any]:
    """Run statements as somebody else would; the rows of the last."""
    if isinstance(url, SQLiteURL):
        with closing(sqlite3.connect(url.path, isolation_level=None)) as connection:
            rows = [connection.execute(statement).fetchall() for statement in statements]
        return rows[-1]
    with psycopg.connect(**url.libpq_arguments(), autocommit=True) as connection:
        connection.execute(f'SET search_path TO "{schema}"')  # type: ignore[arg-type]
        cursors = [connection.execute(statement) for statement in statements]  # type: ignore[arg-type]
        return cursors[-1].fetchall() if cursors[-1].description else []

"""A database of each engine, and migrations of a test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pwrbot.repository.engine.postgres_migrations import PostgresMigrations
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from tests.repository.sql_tree import SQLTree


@pytest.fixture
def tree(tmp_path: Path) -> SQLTree:
    tree = SQLTree(tmp_path / "sql")
    tree.add("0001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY);", "DROP TABLE cats;")
    return tree


@pytest.fixture
def url(database_url: str) -> SQLiteURL | PostgresURL:
    return parse_url(database_url)


@pytest.fixture
def sqlite_url(sqlite_database_url: str) -> SQLiteURL:
    url = parse_url(sqlite_database_url)
    assert isinstance(url, SQLiteURL)
    return url


@pytest.fixture
def postgres_database(postgres_database_url: str) -> PostgresURL:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    return url


@pytest.fixture
def behind_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrations take their connections for a pooler's."""
    connect = PostgresMigrations.connect

    def pooled(self: PostgresMigrations, dburi: Any) -> Any:
        connection = connect(self, dburi)
        self._pooled = True  # pyright: ignore[reportPrivateUsage]
        return connection

    monkeypatch.setattr(PostgresMigrations, "connect", pooled)

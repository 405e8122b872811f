"""Databases for the tests: fresh ones, on both engines, cheap enough for one a test.

    repository              open, migrated and empty, each engine in turn: the test runs twice
    migrated_url            the URL of such a database (migrated_sqlite_url, migrated_postgres_url)
    database_url            an empty database without tables, each engine in turn
    sqlite_database_url     a file that does not exist yet
    postgres_database_url   an empty database of its own
    postgres_programs       pg_dump and pg_restore that suit the server are first on PATH
    postgres_server         to make more databases, or copies of a prepared one

PostgreSQL starts when the first test asks for it. If it cannot, the run fails: nothing is skipped.
The bot's own settings are taken out of the environment: no test may meet somebody's real database.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import hypothesis
import psycopg
import pytest
from psycopg import sql

from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine.observe import observed
from pwrbot.repository.migrations import migrate
from pwrbot.repository.statement import Statement
from pwrbot.repository.url import parse_url
from tools.postgres import PostgresNotStarted, newest_installation, private_postgres

# Machines differ in speed, and no test is about time that passes.
hypothesis.settings.register_profile("pwrbot", deadline=None, print_blob=True)
hypothesis.settings.load_profile("pwrbot")

_EXAMPLE = Path(__file__).parent.parent / ".env.example"
for _setting in (*re.findall(r"(?m)^#?([A-Z_]+)=", _EXAMPLE.read_text()), "DB_URL", "DATA_PATH"):
    os.environ.pop(_setting, None)

ENGINES = ("sqlite", "postgres")


class PostgresServer:
    """A server whose role may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10)

    def create(self, template: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at the URL ``template``.

        Nobody may be connected to the template meanwhile.
        """
        name = f"pwrbot_test_{token_hex(6)}"
        source = "template0" if template is None else _database_name(template)
        self._connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
        return _with_database(self.url, name)

    def drop(self, url: str) -> None:
        """Remove a database that ``create`` made, with whoever is still connected to it."""
        name = sql.Identifier(_database_name(url))
        self._connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(autouse=True)
def no_stall_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that a busy machine holds up adds no line to the log that a test compares."""
    begin, default = observed.__init__, EngineOptions().slow

    def patient(self: observed, statement: Statement, slow: float) -> None:
        begin(self, statement, math.inf if slow == default else slow)

    monkeypatch.setattr(observed, "__init__", patient)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server's own URL: TEST_DATABASE_URL, or a private server for this run."""
    try:
        with private_postgres() as url:
            yield url
    except PostgresNotStarted as error:
        pytest.exit(f"No PostgreSQL to test on. {error}", returncode=1)


@pytest.fixture(scope="session")
def postgres_server(postgres_url: str) -> Iterator[PostgresServer]:
    server = PostgresServer(postgres_url)
    yield server
    server.close()


@pytest.fixture
def postgres_programs(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "TEST_DATABASE_URL" not in os.environ:  # who brings a server has its programs, too
        programs = newest_installation() / "bin"
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def postgres_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def sqlite_database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/pwrbot.db"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, empty database on each engine in turn."""
    return request.getfixturevalue(f"{request.param}_database_url")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "pwrbot.db"
    migrate(parse_url(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, to be copied."""
    url = postgres_server.create()
    migrate(parse_url(url))
    yield url
    postgres_server.drop(url)


@pytest.fixture
def migrated_sqlite_url(sqlite_database_url: str, migrated_sqlite: Path) -> str:
    shutil.copy(migrated_sqlite, sqlite_database_url.removeprefix("sqlite:///"))
    return sqlite_database_url


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    url = postgres_server.create(template=migrated_postgres)
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=ENGINES)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated, empty database on each engine in turn."""
    return request.getfixturevalue(f"migrated_{request.param}_url")


@pytest.fixture
async def repository(migrated_url: str) -> AsyncIterator[Repository]:
    """An open repository on each engine in turn."""
    opened = await Repository.open(migrated_url)
    yield opened
    await opened.close()


_URL = re.compile(r"(?P<server>[a-z]+://[^/?]*)(?:/(?P<name>[^?]*))?(?P<options>\?.*)?")


def _database_name(url: str) -> str:
    match = _URL.fullmatch(url)
    assert match is not None, "not a URL"
    assert match["name"], "not the URL of a database"
    return match["name"]


def _with_database(url: str, name: str) -> str:
    match = _URL.fullmatch(url)
    assert match is not None, "TEST_DATABASE_URL is not a URL"
    return f"{match['server']}/{name}{match['options'] or ''}"

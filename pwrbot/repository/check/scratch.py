"""Something to check statements against: a fresh database, or what was recorded of one."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import structlog

from pwrbot.repository.engine.describe import Description, Refusal
from pwrbot.repository.migrations import dump_schema, migrate
from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Statement
from pwrbot.repository.url import PostgresURL, SQLiteURL


class Scratch(Protocol):
    """A schema that statements can be held against."""

    @property
    def engine(self) -> EngineName: ...

    @property
    def version(self) -> str:
        """Of the engine; plans are compared only within one."""
        ...

    @property
    def schema(self) -> str:
        """PostgreSQL: the name of the schema that the statements have to name."""
        ...

    @property
    def text(self) -> str:
        """The schema, as CREATE statements."""
        ...

    def describe(self, statements: Sequence[Statement]) -> Sequence[Description | Refusal | None]:
        """What the engine says of each; None where nothing is recorded of its text."""
        ...


class SQLiteScratch:
    """A file in a temporary directory."""

    engine: EngineName = "sqlite"
    schema = ""

    def __init__(self, path: Path, text: str) -> None:
        from pwrbot.repository.engine.describe_sqlite import VERSION

        self._path = path
        self.text = text
        self.version = VERSION

    def describe(self, statements: Sequence[Statement]) -> Sequence[Description | Refusal]:
        return self.describe_texts([statement.sql for statement in statements])

    def describe_texts(self, texts: Sequence[str]) -> Sequence[Description | Refusal]:
        """The same of plain texts, as those of an earlier version are."""
        from pwrbot.repository.engine.describe_sqlite import describe_sqlite

        return describe_sqlite(self._path, texts)


class PostgresScratch:
    """A schema of its own in a server's database."""

    engine: EngineName = "postgres"

    def __init__(self, url: PostgresURL, schema: str, text: str, version: str) -> None:
        self._url = url
        self.schema = schema
        self.text = text
        self.version = version

    def describe(self, statements: Sequence[Statement]) -> Sequence[Description | Refusal]:
        return self.describe_texts([statement.sql for statement in statements])

    def describe_texts(self, texts: Sequence[str]) -> Sequence[Description | Refusal]:
        """The same of plain texts, which name the schema as ``schema`` is called."""
        from pwrbot.repository.engine.describe_postgres import describe_postgres

        return asyncio.run(describe_postgres(self._url, self.schema, texts))


@contextmanager
def sqlite_scratch(sql: Path | None, script: str = "") -> Generator[SQLiteScratch]:
    """A SQLite file migrated from this directory or, where it is None, made by the script."""
    from pwrbot.repository.engine.describe_sqlite import run_script

    with tempfile.TemporaryDirectory(prefix="pwrbot-check-") as directory:
        path = Path(directory) / "scratch.db"
        if sql is None:
            run_script(path, script)
            yield SQLiteScratch(path, script)
        else:
            with _quiet():
                migrate(SQLiteURL(path), directory=sql)
            yield SQLiteScratch(path, dump_schema(SQLiteURL(path)))


@contextmanager
def postgres_scratch(
    url: PostgresURL, sql: Path | None, script: str = ""
) -> Generator[PostgresScratch]:
    """The same as a schema on this server, removed afterwards.

    Raises DatabaseUnavailable where there is none.
    """
    from pwrbot.repository.engine.describe_postgres import (
        drop_schema,
        postgres_version,
        run_script,
    )

    schema = f"pwrbot_check_{token_hex(6)}"
    version = asyncio.run(postgres_version(url))
    try:
        if sql is None:
            asyncio.run(run_script(url, schema, script))
            yield PostgresScratch(url, schema, script, version)
        else:
            with _quiet():
                migrate(url, schema=schema, directory=sql)
            yield PostgresScratch(url, schema, dump_schema(url, schema=schema), version)
    finally:
        asyncio.run(drop_schema(url, schema))


@contextmanager
def _quiet() -> Generator[None]:
    """Without the lines about each migration: it is a scratch database that is migrated."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(**before)

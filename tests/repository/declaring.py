"""What a test declares itself: .sql files, Protocols and the scratch tables they stand for."""

import shutil
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pwrbot.repository.bind import Bound, bind
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine.opening import open_engine
from pwrbot.repository.errors import QueryFileError
from pwrbot.repository.queries import EngineName, QueryFiles, load_queries
from pwrbot.repository.repository import Repository, _check
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import SQLiteURL, parse_url


def load(directory: Path, files: Mapping[str, str | bytes]) -> QueryFiles:
    """Read these files, with the real CRUD macro beside them."""
    for path in (sql_directory() / "queries").glob("table*.sql"):
        shutil.copy(path, directory)
    for name, text in files.items():
        (directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_queries(directory)


def bound(
    directory: Path, files: Mapping[str, str | bytes], engine: EngineName = "sqlite", **tables: type
) -> Bound:
    """Bind tables, each an attribute by its name, to these files."""
    return bind(declaring(tables), load(directory, files), engine)


def refusals(
    directory: Path, files: Mapping[str, str | bytes], engine: EngineName = "sqlite", **tables: type
) -> list[str]:
    """All that is wrong, sorted: ``file.sql:line: message``, and ``python: message``."""
    with pytest.raises(QueryFileError) as caught:
        bound(directory, files, engine, **tables)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return sorted(
        f"python: {problem.message}"
        if problem.path.suffix == ".py"
        else f"{problem.path.name}:{problem.line}: {problem.message}"
        for problem in caught.value.problems
    )


def declaring(tables: Mapping[str, type]) -> type:
    """A class with these tables as its attributes."""
    return type("Declared", (), {"__annotations__": dict(tables)})


@asynccontextmanager
async def scratch(
    url: str,
    directory: Path,
    ddl: Mapping[str, str],
    files: Mapping[str, str | bytes] = {},
    options: EngineOptions | None = None,
    **tables: type,
) -> AsyncGenerator[Any, None]:
    """A repository of the test's own tables, made by ``ddl`` of the engine in an empty database."""
    parsed = parse_url(url)
    engine_name: EngineName = "sqlite" if isinstance(parsed, SQLiteURL) else "postgres"
    if isinstance(parsed, SQLiteURL):
        connection = sqlite3.connect(parsed.path)
        connection.executescript(ddl["sqlite"])
        connection.close()
    else:
        with psycopg.connect(**parsed.libpq_arguments(), autocommit=True) as server:
            server.execute("CREATE SCHEMA pwrbot")
            server.execute("SET search_path = pwrbot")
            server.execute(ddl["postgres"].encode())
    ready = bound(directory, files, engine_name, **tables)
    engine = await open_engine(parsed, options or EngineOptions())
    repository = Repository(ready, engine)
    try:
        await _check(engine, ready)
        yield repository
    finally:
        await repository.close()

"""A folder under cases/: a schema, queries, the classes they fit, and what the check says."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

from pwrbot.repository.check.check import Open, check
from pwrbot.repository.check.findings import Finding
from pwrbot.repository.check.scratch import postgres_scratch, sqlite_scratch
from pwrbot.repository.queries import EngineName
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL

CASES = Path(__file__).parent / "cases"


def findings(case: Path, directory: Path, postgres: PostgresURL) -> tuple[Finding, ...]:
    """What the check says of a case on both engines; its queries are copied to the directory.

    They are those of a table ``things``, whose CRUD is checked with them. Its header says that it
    crosses guilds, which is not needed where there are none.
    """
    own = {p.name.replace("query", "things"): p.read_bytes() for p in case.glob("query*.sql")}
    copied_queries(directory, own)
    engines: dict[EngineName, Open] = {
        "sqlite": partial(sqlite_scratch, None, schema_of(case, "sqlite")),
        "postgres": partial(postgres_scratch, postgres, None, schema_of(case, "postgres")),
    }
    with rows_of(case) as rows:
        found = check(directory, rows.Tables, engines).findings
    return tuple(
        f for f in found if f.path.name != "table.sql" or "crosses guilds" not in f.message
    )


def copied_queries(directory: Path, own: Mapping[str, bytes]) -> None:
    """Put these files into the directory, with the real CRUD beside them."""
    for path in (sql_directory() / "queries").glob("table*.sql"):
        shutil.copy(path, directory)
    for name, content in own.items():
        (directory / name).write_bytes(content)


def schema_of(case: Path, engine: EngineName) -> str:
    """The schema of a case: one for both engines, or one for each."""
    path = case / "schema.sql"
    own = case / f"schema.{engine}.sql"
    return (own if own.exists() else path).read_text(encoding="utf-8")


@contextmanager
def rows_of(case: Path) -> Iterator[ModuleType]:
    """The module rows.py of a case, which no package holds."""
    name = f"check_case_{case.name}"
    spec = importlib.util.spec_from_file_location(name, case / "rows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]

"""The check of this project: its SQL, its tables, its migrations, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import msgspec

from pwrbot.errors import ConfigError
from pwrbot.repository.check.check import Open, Report, check
from pwrbot.repository.check.findings import Finding, of_problem
from pwrbot.repository.check.prepared import (
    Recorded,
    RecordedScratch,
    compare,
    compare_migrations,
    write,
)
from pwrbot.repository.check.scratch import postgres_scratch, sqlite_scratch
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.migrations import beyond_own_schema, unmarked
from pwrbot.repository.queries import EngineName
from pwrbot.repository.url import PostgresURL


class ProjectReport(msgspec.Struct, frozen=True):
    """What came of the check, and what it leaned on."""

    findings: tuple[Finding, ...]
    statements: int
    note: str


def check_project(
    sql: Path, tables: type, postgres: PostgresURL | None, *, why_not: str = ""
) -> ProjectReport:
    """Every rule, on SQLite and on PostgreSQL, or on what is recorded of PostgreSQL.

    ``why_not`` says why there is none. Raises MigrationError where the migrations do not apply.
    """
    recorded = Recorded(sql)
    try:
        report = _report(sql, tables, postgres, recorded)
    except DatabaseUnavailable as error:
        why_not, postgres = str(error), None
        report = _report(sql, tables, None, recorded)
    findings = [*report.findings, *(of_problem(problem) for problem in recorded.problems)]
    findings += compare(recorded, report.prepared, report.cases, report.unbound)
    findings += compare_migrations(recorded, sql)
    findings += [of_problem(problem) for problem in (*unmarked(sql), *beyond_own_schema(sql))]
    findings += _stale_schemas(sql, report.schemas)
    statements = {case.statement.name for case in report.cases}
    note = "on SQLite and PostgreSQL"
    if postgres is None:
        note = (
            f"on SQLite; PostgreSQL was not asked ({why_not or 'none is set'}): relied on"
            f" sql/prepared and sql/schema/postgres.sql for it"
        )
    return ProjectReport(tuple(findings), len(statements), note)


def prepare_project(sql: Path, tables: type, postgres: PostgresURL) -> tuple[Report, list[Path]]:
    """Record what both engines say now; returns the check's report and the files that changed.

    Nothing is written where a rule is broken. Raises DatabaseUnavailable.
    """
    recorded = Recorded(sql)
    report = _report(sql, tables, postgres, recorded)
    return report, [] if report.findings else write(sql, report.prepared, recorded)


def _report(sql: Path, tables: type, postgres: PostgresURL | None, recorded: Recorded) -> Report:
    engines: dict[EngineName, Open] = {"sqlite": partial(sqlite_scratch, sql)}
    if postgres is not None:
        engines["postgres"] = partial(postgres_scratch, postgres, sql)
    else:
        path = _schema_file(sql, "postgres")
        if not path.exists():
            raise ConfigError(f"{path} is missing, and no PostgreSQL can be asked: `make schema`")
        text = path.read_text(encoding="utf-8")
        engines["postgres"] = lambda: nullcontext(RecordedScratch(recorded, "postgres", text))
    return check(sql / "queries", tables, engines)


def _stale_schemas(sql: Path, schemas: Mapping[EngineName, str]) -> Iterator[Finding]:
    """Where a dump is not what the migrations make: at the first line that differs."""
    for engine, text in schemas.items():
        path = _schema_file(sql, engine)
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        new = text.splitlines()
        if old != new:
            pairs = enumerate(zip(old, new, strict=False), 1)
            first = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)) + 1)
            expected = new[first - 1].strip() if first <= len(new) else "nothing more"
            message = f"is not what the migrations make ({expected}): run `make schema`"
            yield Finding(path, first, "", engine, message)


def _schema_file(sql: Path, engine: EngineName) -> Path:
    return sql / "schema" / f"{engine}.sql"

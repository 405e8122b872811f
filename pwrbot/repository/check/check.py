"""The whole check: every statement, both engines, all rules, all findings at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec

from pwrbot.repository.bind import Bound, bind_what_fits
from pwrbot.repository.check.case import Case
from pwrbot.repository.check.catalog import Catalog, TableInfo, read_catalog
from pwrbot.repository.check.findings import Finding, of_problem
from pwrbot.repository.check.prepared import PreparedFile, record
from pwrbot.repository.check.rules import RULES
from pwrbot.repository.check.scratch import Scratch
from pwrbot.repository.check.tables import TABLE_RULES
from pwrbot.repository.engine.describe import Description
from pwrbot.repository.errors import Problem
from pwrbot.repository.migrations import MigrationError
from pwrbot.repository.queries import EngineName, read_queries
from pwrbot.repository.table import EntityShape

Open = Callable[[], AbstractContextManager[Scratch]]
"""What opens something to check against, and closes it again."""


class Report(msgspec.Struct, frozen=True):
    """What came of a check."""

    findings: tuple[Finding, ...]
    cases: tuple[Case, ...]
    prepared: Mapping[str, PreparedFile]
    """What there is to record of it, by table."""
    schemas: Mapping[EngineName, str]
    """The schema each engine was asked with, as CREATE statements."""
    unbound: frozenset[str]
    """Queries that could not be checked, since their methods do not fit them."""


def check(queries: Path, tables: type, engines: Mapping[EngineName, Open]) -> Report:
    """Every statement of these files and tables, on each of these engines, and its tables."""
    files, problems = read_queries(queries)
    findings = [of_problem(problem) for problem in problems]
    broken = {problem.path.name.partition(".")[0] for problem in problems}
    cases: list[Case] = []
    catalogs: dict[EngineName, Catalog] = {}
    versions: dict[EngineName, str] = {}
    schemas: dict[EngineName, str] = {}
    texts: dict[EngineName, str] = {}
    for engine, opened in engines.items():
        with _opened(opened, engine, findings) as scratch:
            if scratch is None:
                continue
            bound, misfits = bind_what_fits(tables, files, engine, schema=scratch.schema)
            # A query that could not be read is not also missing.
            findings += [of_problem(p) for p in misfits if not _follows_from(p, broken)]
            catalogs[engine] = read_catalog(scratch.text, engine)
            described = scratch.describe(bound.statements)
            asked = zip(bound.statements, described, strict=True)
            own = [Case(s, engine, catalogs[engine], told) for s, told in asked]
            findings += _broken_rules(own)
            findings += _entities(bound, catalogs[engine])
            schema = queries.parent / "schema" / f"{engine}.sql"
            findings += _broken_tables(catalogs[engine], schema, engine)
            cases += own
            schemas[engine] = scratch.schema
            versions[engine] = scratch.version
            texts[engine] = scratch.text
    findings += _unused_directives(cases)
    findings += _disagreements(cases)
    prepared = record(cases, catalogs, versions, schemas)
    checked = {case.statement.query.full_name for case in cases}
    unbound = frozenset(name for e in engines for name in files.queries[e]) - checked
    return Report(tuple(dict.fromkeys(findings)), tuple(cases), prepared, texts, unbound)


@contextmanager
def _opened(opened: Open, engine: EngineName, findings: list[Finding]) -> Generator[Scratch | None]:
    """Something to check against, or None where the migrations do not make one."""
    with ExitStack() as stack:
        scratch: Scratch | None = None
        try:
            scratch = stack.enter_context(opened())
        except MigrationError as error:
            placed = re.match(r"(.+\.sql):(\d+): (.*)", str(error))
            if placed is None:
                raise
            findings.append(Finding(Path(placed[1]), int(placed[2]), "", engine, placed[3]))
        yield scratch


def _follows_from(problem: Problem, broken: set[str]) -> bool:
    return (
        problem.message.partition(".")[0] in broken and "no query of this name" in problem.message
    )


def _broken_rules(cases: Sequence[Case]) -> Iterator[Finding]:
    for case in cases:
        for rule in RULES:
            yield from rule(case)


def _broken_tables(catalog: Catalog, schema: Path, engine: EngineName) -> Iterator[Finding]:
    """At the table's place in the schema's dump."""
    for table in catalog.values():
        for rule in TABLE_RULES:
            for message in rule(table):
                yield Finding(schema, table.line, "", engine, message)


def _entities(bound: Bound, catalog: Catalog) -> Iterator[Finding]:
    """Each entity is its table: the same key, and None exactly where there may be NULL."""
    for name, bound_table in bound.tables.items():
        if name in catalog and hasattr(bound_table, "crud"):
            select = bound_table.crud.statements["select"].query
            for message in _misfits(bound_table.crud.shape, catalog[name]):
                yield Finding(select.path, select.line, select.full_name, bound.engine, message)


def _misfits(shape: EntityShape, table: TableInfo) -> Iterator[str]:
    entity = shape.entity.__name__
    if shape.key != table.primary_key:
        has = ", ".join(table.primary_key) or "none"
        yield f"the key of {entity} is {', '.join(shape.key)}, that of {table.name} is {has}"
    for field, kind in shape.fields.items():
        column = table.columns.get(field)
        if column is not None and kind.optional and not column.nullable:
            yield f"{table.name}.{field} is NOT NULL, {entity}.{field} says {kind.name}"


def _unused_directives(cases: Sequence[Case]) -> Iterator[Finding]:
    """Exceptions that nothing needs any more. A macro's header speaks for all its tables."""
    used: set[tuple[Path, int, str]] = set()
    declared: dict[tuple[Path, int, str], Case] = {}
    for case in cases:
        query = case.statement.query
        place = (query.path, query.line)
        used.update((*place, directive) for directive in case.used_directives())
        directives = query.directives
        words = [f"notnull {column}" for column in directives.notnull]
        words += [f"scan {table}" for table in directives.scans]
        words += ["crosses guilds"] if directives.crosses_guilds else []
        if not isinstance(case.described, Description):
            used.update((*place, word) for word in words)  # nobody knows
        for word in words:
            declared.setdefault((*place, word), case)
    for (path, line, word), case in declared.items():
        if (path, line, word) not in used:
            message = f"'-- {word}' is not needed: take it away"
            yield Finding(path, line, case.statement.name, None, message)


def _disagreements(cases: Sequence[Case]) -> Iterator[Finding]:
    """A statement gives the same columns, in the same order, on every engine."""
    first: dict[str, Case] = {}
    for case in cases:
        other = first.setdefault(case.statement.name, case)
        if other.columns != case.columns:
            yield case.finding(
                f"gives the columns {', '.join(case.columns)}, on {other.engine}"
                f" {', '.join(other.columns)}"
            )

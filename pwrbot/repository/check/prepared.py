"""``sql/prepared``: what each engine said of each statement, for whoever has no PostgreSQL.

One file per table, as there is one .sql file per table: its hand-written statements and its CRUD.
Texts are compared without comments and white space. A reviewer finds in the diff of these files
what a change of SQL means: columns that may now be NULL, an index no longer used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Final

import msgspec

from pwrbot.repository.check.case import Case
from pwrbot.repository.check.catalog import Catalog, digest
from pwrbot.repository.check.findings import Finding
from pwrbot.repository.check.meetings import storage_name
from pwrbot.repository.engine.describe import DescribedColumn, Description
from pwrbot.repository.errors import Problem
from pwrbot.repository.migrations import read_migrations
from pwrbot.repository.queries import ENGINES, EngineName
from pwrbot.repository.statement import Statement

DIRECTORY: Final = "prepared"
MIGRATIONS: Final = "_migrations.json"
ADVICE: Final = "run `make prepare` and look at what it changes"


class Prepared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one engine said of one statement."""

    text: str
    """A hash of what runs, without comments and white space."""
    readonly: bool
    parameters: tuple[str, ...]
    columns: tuple[str, ...]
    """``name type``, and ``NOT NULL`` where it cannot be; ``?`` where the engine knows no type."""
    scans: tuple[str, ...]
    plan: tuple[str, ...]


class PreparedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is recorded of one table's statements."""

    schema: Mapping[EngineName, str]
    """A hash of the tables they name."""
    versions: Mapping[EngineName, str]
    """Of the engines that were asked."""
    statements: Mapping[str, Mapping[EngineName, Prepared]]


class Recorded:
    """All that is recorded, as far as it can be read."""

    def __init__(self, sql: Path) -> None:
        self.directory = sql / DIRECTORY
        self.files: dict[str, PreparedFile] = {}
        self.migrations: Mapping[EngineName, Mapping[str, str]] = {}
        self.problems: list[Problem] = []
        for path in sorted(self.directory.glob("*")):
            try:
                if path.name == MIGRATIONS:
                    self.migrations = _MIGRATIONS.decode(path.read_bytes())
                elif path.suffix == ".json":
                    self.files[path.stem] = _FILE.decode(path.read_bytes())
                else:
                    self.problems.append(Problem(path, 1, "does not belong here: remove it"))
            except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
                self.problems.append(Problem(path, 1, f"cannot be read ({error}): {ADVICE}"))

    def get(self, name: str, engine: EngineName) -> Prepared | None:
        """What is recorded of a statement."""
        file = self.files.get(name.partition(".")[0])
        return file.statements.get(name, {}).get(engine) if file else None

    def is_damaged(self, module: str) -> bool:
        return any(problem.path.name == f"{module}.json" for problem in self.problems)


class RecordedScratch:
    """What was recorded of an engine that cannot be reached."""

    engine: EngineName
    version = ""

    def __init__(self, recorded: Recorded, engine: EngineName, text: str) -> None:
        self._recorded = recorded
        self.engine = engine
        self.schema = "pwrbot"
        self.text = text

    def describe(self, statements: Sequence[Statement]) -> Sequence[Description | None]:
        return [self._described(statement) for statement in statements]

    def _described(self, statement: Statement) -> Description | None:
        found = self._recorded.get(statement.name, self.engine)
        if found is None or found.text != text_digest(statement, self.schema):
            return None
        columns = tuple(_described_column(column) for column in found.columns)
        return Description(
            found.parameters, columns, found.readonly, found.plan, frozenset(found.scans)
        )


def text_digest(statement: Statement, schema: str) -> str:
    """A hash of what runs, wherever its schema is."""
    return digest(statement.sql.replace(f'"{schema}".', "") if schema else statement.sql)


def record(
    cases: Iterable[Case],
    catalogs: Mapping[EngineName, Catalog],
    versions: Mapping[EngineName, str],
    schemas: Mapping[EngineName, str],
) -> dict[str, PreparedFile]:
    """What there is to record, by table; of statements that their engine accepts."""
    statements: dict[str, dict[str, dict[EngineName, Prepared]]] = {}
    words: dict[str, set[str]] = {}
    for case in cases:
        module = case.statement.query.module
        words.setdefault(module, set()).update(t.text for t in case.statement.query.tokens)
        if isinstance(case.described, Description):
            entry = _entry(case, case.described, schemas[case.engine])
            own = statements.setdefault(module, {}).setdefault(case.statement.name, {})
            own[case.engine] = entry
    return {
        module: PreparedFile(
            schema={engine: _schema(catalogs[engine], words[module]) for engine in catalogs},
            versions=versions,
            statements={name: statements[module][name] for name in sorted(statements[module])},
        )
        for module in statements
    }


def compare(
    recorded: Recorded,
    found: Mapping[str, PreparedFile],
    cases: Iterable[Case],
    unbound: frozenset[str],
) -> Iterator[Finding]:
    """What is recorded otherwise, not at all, or of a statement that is gone.

    ``unbound`` are queries that are there and could not be checked.
    """
    by_name: dict[tuple[str, EngineName], Case] = {
        (case.statement.name, case.engine): case for case in cases
    }
    for module, new in found.items():
        path = recorded.directory / f"{module}.json"
        old = recorded.files.get(module)
        if recorded.is_damaged(module):
            continue
        if old is None:
            yield Finding(path, 1, "", None, f"is missing: {ADVICE}")
            continue
        for name, engine, message in _differences(old, new):
            if case := by_name.get((name, engine)):
                yield case.finding(f"{message}: {ADVICE}")
        for engine in new.schema.keys() - {
            e for e in new.schema if old.schema.get(e) == new.schema[e]
        }:
            message = f"a table that its statements name has changed: {ADVICE}"
            yield Finding(path, 1, "", engine, message)
    yield from _surplus(recorded, {name for name, _ in by_name} | unbound)


def compare_migrations(recorded: Recorded, sql: Path) -> Iterator[Finding]:
    """Migrations that were changed, added or taken away since the statements were checked."""
    path = recorded.directory / MIGRATIONS
    if any(problem.path == path for problem in recorded.problems):
        return
    for engine, digests in migration_digests(sql).items():
        old = recorded.migrations.get(engine, {})
        for name in sorted(digests.keys() | old.keys()):
            if digests.get(name) != old.get(name):
                file = sql / "migrations" / engine / f"{name}.sql"
                place = (file, 1) if file.exists() else (path, _line(path, name))
                message = f"is not what the statements were checked with: {ADVICE}"
                yield Finding(*place, "", engine, message)


def write(sql: Path, found: Mapping[str, PreparedFile], recorded: Recorded) -> list[Path]:
    """Write what is stale anew, and remove what belongs to no table; returns what changed.

    A file that differs only by the engines' versions stays as it is.
    """
    directory = recorded.directory
    directory.mkdir(parents=True, exist_ok=True)
    texts = {MIGRATIONS: _text(migration_digests(sql))}
    for module, new in found.items():
        old = recorded.files.get(module)
        if old is None or not _is_current(old, new):
            texts[f"{module}.json"] = _text(new)
    changed: list[Path] = []
    for name, text in texts.items():
        path = directory / name
        if not path.exists() or path.read_bytes() != text:
            part = path.with_name(f".{name}.part")
            part.write_bytes(text)
            os.replace(part, path)
            changed.append(path)
    for path in directory.iterdir():
        if path.name != MIGRATIONS and (path.suffix != ".json" or path.stem not in found):
            path.unlink()
            changed.append(path)
    return sorted(changed)


def migration_digests(sql: Path) -> dict[EngineName, dict[str, str]]:
    """The statements of every migration, as hashes."""
    return {e: {m.id: m.digest[:16] for m in read_migrations(sql, e)} for e in ENGINES}


_NOT_NULL: Final = " NOT NULL"
_FILE = msgspec.json.Decoder(PreparedFile)
_MIGRATIONS = msgspec.json.Decoder(dict[EngineName, dict[str, str]])


def _entry(case: Case, described: Description, schema: str) -> Prepared:
    types = {column.name: column.type for column in described.columns}
    readonly = case.statement.readonly if described.readonly is None else described.readonly
    return Prepared(
        text=text_digest(case.statement, schema),
        readonly=readonly,
        parameters=tuple(
            f"{name} {storage_name(kind, case.engine)}"
            for name, kind in case.statement.parameters.items()
        ),
        columns=tuple(
            f"{name} {types.get(name) or '?'}{'' if nullable else _NOT_NULL}"
            for name, nullable in case.nullable.items()
        ),
        scans=tuple(sorted(described.scans)),
        plan=described.plan,
    )


def _schema(catalog: Catalog, words: Iterable[str]) -> str:
    """A hash of the tables that are among these words."""
    named = sorted({word.lower() for word in words} & catalog.keys())
    prints = "\0".join(catalog[name].fingerprint for name in named)
    return hashlib.sha256(prints.encode()).hexdigest()[:16]


def _differences(old: PreparedFile, new: PreparedFile) -> Iterator[tuple[str, EngineName, str]]:
    for name, entries in new.statements.items():
        for engine, entry in entries.items():
            before = old.statements.get(name, {}).get(engine)
            same_version = old.versions.get(engine) == new.versions.get(engine)
            if message := _difference(before, entry, same_version):
                yield name, engine, message


def _difference(old: Prepared | None, new: Prepared, same_version: bool) -> str | None:
    """What of it changed, the weightiest first."""
    if old is None:
        return "nobody has checked it yet"
    if old.columns != new.columns:
        return f"its columns are {_listed(new.columns)}, recorded are {_listed(old.columns)}"
    if old.parameters != new.parameters:
        now, before = _listed(new.parameters), _listed(old.parameters)
        return f"its parameters are {now}, recorded are {before}"
    if old.readonly != new.readonly:
        return f"it {'only reads' if new.readonly else 'writes'}, which is recorded otherwise"
    if same_version and (old.plan, old.scans) != (new.plan, new.scans):
        return f"its plan is {' / '.join(new.plan)}, recorded is {' / '.join(old.plan)}"
    if old.text != new.text:
        return "its text was changed since it was checked"
    return None


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"


def _described_column(text: str) -> DescribedColumn:
    name, _, rest = text.removesuffix(_NOT_NULL).partition(" ")
    return DescribedColumn(name, None if rest == "?" else rest)


def _is_current(old: PreparedFile, new: PreparedFile) -> bool:
    same_names = old.statements.keys() == new.statements.keys()
    return same_names and old.schema == new.schema and not list(_differences(old, new))


def _surplus(recorded: Recorded, known: Set[str]) -> Iterator[Finding]:
    modules = {name.partition(".")[0] for name in known}
    for module, file in recorded.files.items():
        path = recorded.directory / f"{module}.json"
        if module not in modules:
            yield Finding(path, 1, "", None, f"belongs to no table: {ADVICE}")
            continue
        for name in file.statements:
            if name not in known and name.partition(":")[0] not in known:
                message = f"there is no such statement any more: {ADVICE}"
                yield Finding(path, _line(path, name), name, None, message)


def _line(path: Path, name: str) -> int:
    """Where a file mentions this name."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return text.count("\n", 0, max(text.find(f'"{name}"'), 0)) + 1


def _text(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2) + b"\n"

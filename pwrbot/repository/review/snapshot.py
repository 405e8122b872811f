"""A revision as a reviewer needs it: its statements, what the engines say of them, its schema."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

import msgspec

from pwrbot.errors import PwrbotError
from pwrbot.repository.check.scratch import (
    PostgresScratch,
    SQLiteScratch,
    postgres_scratch,
    sqlite_scratch,
)
from pwrbot.repository.engine.describe import Refusal
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.migrations import read_migrations
from pwrbot.repository.migrations.files import Migration
from pwrbot.repository.queries import ENGINES, EngineName
from pwrbot.repository.released import Broken, ReleasedError, broken_by, read_released
from pwrbot.repository.url import PostgresURL

PROBE: Final = Path(__file__).with_name("probe.py")
PROBE_SECONDS: Final = 60


class Text(msgspec.Struct, frozen=True):
    """A statement on one engine."""

    sql: str
    source: str
    """As it stands in its file."""
    columns: tuple[str, ...] = ()
    """``name type``, and NULL where it is recorded that the column can be."""
    plan: tuple[str, ...] = ()
    refusal: str | None = None


class Statement(msgspec.Struct, frozen=True):
    """A statement of a revision."""

    kind: str
    path: str
    line: int
    crud: bool
    parameters: tuple[str, ...]
    columns: tuple[str, ...]
    """``name: type`` as Python reads it."""
    reads: str
    directives: tuple[str, ...]
    texts: Mapping[EngineName, Text]


class Method(msgspec.Struct, frozen=True):
    """What a method of a table takes."""

    positional: tuple[str, ...]
    named: tuple[str, ...]
    required: tuple[str, ...]
    open: bool
    """Whether it takes more than it names."""
    text: str


class Snapshot(msgspec.Struct, frozen=True):
    """A revision. What could not be found out stands in ``problems``."""

    root: Path
    statements: Mapping[str, Statement]
    methods: Mapping[str, Mapping[str, Method]]
    schemas: Mapping[EngineName, str]
    migrations: Mapping[EngineName, Mapping[str, Migration]]
    broken: tuple[Broken, ...]
    """Statements of the last release that its schema breaks."""
    problems: tuple[str, ...]


class _Probed(msgspec.Struct, frozen=True):
    statements: Mapping[str, Statement] = {}
    methods: Mapping[str, Mapping[str, Method]] = {}
    problems: tuple[str, ...] = ()


def take_snapshot(root: Path, server: PostgresURL | None) -> Snapshot:
    """Read the revision that is unpacked there. Raises DatabaseUnavailable."""
    sql = root / "sql"
    probed = _probe(root)
    problems = list(probed.problems)
    statements = dict(probed.statements)
    schemas: dict[EngineName, str] = {}
    migrations: dict[EngineName, Mapping[str, Migration]] = {}
    broken: list[Broken] = []
    for engine in ENGINES if (sql / "migrations").is_dir() else ():
        try:
            migrations[engine] = {one.id: one for one in read_migrations(sql, engine)}
            with _scratch(engine, sql, server) as scratch:
                if scratch is None:
                    schemas[engine] = _written_schema(sql, engine)
                    continue
                schemas[engine] = scratch.text
                statements |= _described(statements, scratch, _nullable(sql))
                released = read_released(sql)
                broken += broken_by(released, scratch) if released else []
        except DatabaseUnavailable:
            raise
        except (PwrbotError, ReleasedError) as error:
            problems.append(f"[{engine}] {error}".replace(f"{root}/", ""))
    return Snapshot(
        root=root,
        statements=statements,
        methods=probed.methods,
        schemas=schemas,
        migrations=migrations,
        broken=tuple(broken),
        problems=tuple(problems),
    )


def _probe(root: Path) -> _Probed:
    if not (root / "pwrbot" / "repository" / "repository.py").exists():
        return _Probed()
    with tempfile.TemporaryDirectory(prefix="pwrbot-probe-") as directory:
        output = Path(directory) / "told.json"
        # Another version's code runs there: without the settings and secrets of this process.
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-B", PROBE, root, output],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=directory,
                env=environ,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _Probed(problems=("its code does not come to an end when it is imported",))
        if done.returncode == 0 and output.exists():
            return msgspec.json.decode(output.read_bytes(), type=_Probed)
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return _Probed(problems=(f"its code cannot be asked: {lines[-1] if lines else 'no word'}",))


def _scratch(
    engine: EngineName, sql: Path, server: PostgresURL | None
) -> AbstractContextManager[SQLiteScratch | PostgresScratch | None]:
    if engine == "sqlite":
        return sqlite_scratch(sql)
    return postgres_scratch(server, sql) if server else nullcontext()


def _written_schema(sql: Path, engine: EngineName) -> str:
    """The dump that was committed, where the engine cannot be asked."""
    path = sql / "schema" / f"{engine}.sql"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _described(
    statements: Mapping[str, Statement],
    scratch: SQLiteScratch | PostgresScratch,
    nullable: Mapping[tuple[str, EngineName], frozenset[str]],
) -> dict[str, Statement]:
    """The statements, with what the engine says of them."""
    engine = scratch.engine
    names = [name for name, statement in statements.items() if engine in statement.texts]
    texts = [statements[name].texts[engine] for name in names]
    at_home = [
        text.sql.replace('"pwrbot".', f'"{scratch.schema}".') if scratch.schema else text.sql
        for text in texts
    ]
    found: dict[str, Statement] = {}
    for name, text, told in zip(names, texts, scratch.describe_texts(at_home), strict=True):
        if isinstance(told, Refusal):
            told_text = msgspec.structs.replace(text, refusal=told.message)
        else:
            may_be_null = nullable.get((name, engine), frozenset())
            columns = tuple(
                " ".join(filter(None, (c.name, c.type, "NULL" if c.name in may_be_null else None)))
                for c in told.columns
            )
            told_text = msgspec.structs.replace(text, columns=columns, plan=told.plan)
        old = statements[name]
        found[name] = msgspec.structs.replace(old, texts={**old.texts, engine: told_text})
    return found


def _nullable(sql: Path) -> dict[tuple[str, EngineName], frozenset[str]]:
    """The columns that sql/prepared says can be NULL; nothing where it is not there."""
    found: dict[tuple[str, EngineName], frozenset[str]] = {}
    for path in sorted((sql / "prepared").glob("[a-z]*.json")):
        try:
            statements = msgspec.json.decode(path.read_bytes())["statements"]
            for name, engines in statements.items():
                for engine, entry in engines.items():
                    columns = [c["name"] for c in entry["columns"] if c["nullable"]]
                    found[name, engine] = frozenset(columns)
        except (OSError, msgspec.MsgspecError, KeyError, TypeError, AttributeError):
            continue  # the check tells what is wrong with it
    return found

"""The files of sql/migrations: what they have to be, and what each holds.

sqlite/0005.what.sql      sqlite/0005.what.rollback.sql
postgres/0005.what.sql    postgres/0005.what.rollback.sql
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from pwrbot.repository.migrations.errors import InvalidMigrationName, MigrationFilesError
from pwrbot.repository.migrations.statements import Step, read_statements
from pwrbot.repository.tokens import UnclosedError, significant, tokenize

ENGINES: Final = ("sqlite", "postgres")
_ROLLBACK: Final = ".rollback.sql"


class Migration(msgspec.Struct, frozen=True):
    """One step of one engine's schema, forth and back."""

    id: str
    """``0005.what``: the same for both engines."""

    path: Path
    rollback_path: Path
    digest: str
    """Changes with the statements, and not with comments or white space."""

    def forth(self) -> list[Step]:
        """The statements that apply it, at least one. Raises MigrationFilesError."""
        return read_statements(self.path)

    def back(self) -> list[Step]:
        """The statements that take it back, at least one. Raises MigrationFilesError."""
        return read_statements(self.rollback_path)


def read_migrations(directory: Path, engine: str) -> list[Migration]:
    """The migrations of an engine in their order, once the files of both are in order.

    ``directory`` is the SQL directory. Raises MigrationFilesError, which lists all that is wrong.
    """
    root = directory / "migrations"
    problems: list[str] = []
    found = {name: _names(root / name, problems) for name in ENGINES}
    for name in ENGINES:
        forth = {file.removesuffix(".sql") for file in found[name] if not file.endswith(_ROLLBACK)}
        back = {file.removesuffix(_ROLLBACK) for file in found[name] if file.endswith(_ROLLBACK)}
        for identity in sorted(forth - back):
            problems.append(f"{root / name / identity}{_ROLLBACK} is missing")
        for identity in sorted(back - forth):
            problems.append(f"{root / name / identity}.sql is missing, but has a rollback")
        numbers = Counter(identity[:4] for identity in forth)
        for number in sorted(number for number, count in numbers.items() if count > 1):
            problems.append(f"{root / name}: the number {number} is given to more than one")
        if not forth:
            problems.append(f"{root / name}: there are no migrations")
    for name, other in (ENGINES, ENGINES[::-1]):
        for file in sorted(found[other] - found[name]):
            if not file.endswith(_ROLLBACK) and found[name]:
                problems.append(f"{root / name / file} is missing, {other} has it")
    if problems:
        raise _refusal(problems)
    return [
        _migration(root / engine / file)
        for file in sorted(found[engine])
        if not file.endswith(_ROLLBACK)
    ]


def new_migration(name: str, root: Path) -> list[Path]:
    """Make the four files of a migration with the next free number; returns their paths.

    ``root`` is the SQL directory. Raises InvalidMigrationName; MigrationFilesError where the
    files that are there are not in order.
    """
    if not _NAME.fullmatch(name):
        raise InvalidMigrationName()
    last = max(int(migration.id[:4]) for migration in read_migrations(root, ENGINES[0]))
    if last >= 9999:
        raise MigrationFilesError("The numbers of migrations end at 9999.")
    identity = f"{last + 1:04}.{name}"
    paths: list[Path] = []
    for engine in ENGINES:
        for suffix, template in ((".sql", _FORTH[engine]), (_ROLLBACK, _BACK)):
            path = root / "migrations" / engine / f"{identity}{suffix}"
            with path.open("x", encoding="utf-8") as file:
                file.write(template.format(id=identity, what=name.replace("_", " ")))
            paths.append(path)
    return paths


_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_FILE = re.compile(r"[0-9]{4}\.[a-z][a-z0-9_]{0,59}(\.rollback)?\.sql", re.ASCII)

_FORTH: Final = {
    "sqlite": """\
-- {what}: say here what changes and why.
--
-- All of it happens in one transaction, or nothing: no BEGIN, no COMMIT.
-- STRICT tables; times are microseconds since 1970 in UTC (INTEGER); JSON is checked TEXT.
-- ALTER TABLE cannot change a column here. Rebuild the table instead:
--     CREATE TABLE new_things (...) STRICT;
--     INSERT INTO new_things (a, b) SELECT a, b FROM things;
--     DROP TABLE things;
--     ALTER TABLE new_things RENAME TO things;
--     CREATE INDEX ... (those of the old table went with it)
-- Foreign keys do not act meanwhile (no cascade); before the commit each reference is checked.
-- Nothing to do on this engine? SELECT 1;
""",
    "postgres": """\
-- {what}: say here what changes and why.
--
-- All of it happens in one transaction, or nothing: no BEGIN, no COMMIT, no CONCURRENTLY.
-- Name no schema: DATABASE_SCHEMA says which. Times are TIMESTAMPTZ, ids BIGINT, JSON is JSONB.
-- Nothing to do on this engine? SELECT 1;
""",
}
_BACK: Final = """\
-- Takes back {id}: the schema before it, and all rows of what remains.
-- Nothing to take back? SELECT 1;
"""


def _names(directory: Path, problems: list[str]) -> set[str]:
    """The names of an engine's SQL files; what is called otherwise is a problem."""
    try:
        files = [path.name for path in directory.iterdir() if path.suffix in (".sql", ".py")]
    except OSError as error:
        problems.append(f"{directory}: {error.strerror}")
        return set()
    files = [file for file in files if not file.startswith(".")]
    for file in sorted(file for file in files if not _FILE.fullmatch(file)):
        problems.append(f"{directory / file} is not called NNNN.what.sql or NNNN.what{_ROLLBACK}")
    return {file for file in files if _FILE.fullmatch(file)}


def _migration(path: Path) -> Migration:
    identity = path.name.removesuffix(".sql")
    return Migration(
        id=identity,
        path=path,
        rollback_path=path.with_name(identity + _ROLLBACK),
        digest=_digest(path),
    )


def _digest(path: Path) -> str:
    try:
        tokens = significant(tokenize(path.read_text(encoding="utf-8")))
    except UnclosedError as error:
        raise _refusal([f"{path}:{error.line + 1}: {error}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal([f"{path} cannot be read: {error}"]) from None
    return hashlib.sha256("\0".join(token.text for token in tokens).encode()).hexdigest()


def _refusal(problems: list[str]) -> MigrationFilesError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    return MigrationFilesError(
        f"The files of the migrations are not in order; the database was not touched:\n{lines}"
    )

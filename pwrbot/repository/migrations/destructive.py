"""Which statements of a migration cannot be undone without a backup, and whether it says so.

Destructive is what drops rows or columns, what narrows a table that is there already (a type, NOT
NULL, a constraint, a unique index), what rewrites or renames what others still read, and what
cannot be read here (a DO block). Its file says why, above the first statement:

    -- destructive: the column was never shown to anybody

or, where rows of a table go that can be worked out from what stays, and the rollback does so, and
no backup is called for:

    -- derived voice_channel_totals: years are the sum of the months, which stay

Not destructive: dropping an index, view, trigger, function or constraint loses no row and the
rollback makes it again; whatever happens to a table that the same file makes concerns nobody yet,
unless a table of before becomes part of it; a table that the file renames and then attaches to one
of its old name goes on being read there (whether the bounds leave a gap is not looked at).
SQLite's way to change a column, a new table in place of the old one, drops the old one and so needs
the mark. Rollback files need none: to take back is to drop what was made, and is done by hand, with
no bot running, after a backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from pwrbot.repository.errors import Problem
from pwrbot.repository.migrations.destroyed import DELETES, destroyed_by
from pwrbot.repository.migrations.files import ENGINES, Migration, read_migrations
from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.tokens import TokenKind, tokenize


class Danger(msgspec.Struct, frozen=True):
    """Something destructive that a migration does."""

    path: Path
    line: int
    """Counted from 1."""
    what: str
    """In a few words: ``drops table feeds``."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


class Mark(msgspec.Struct, frozen=True):
    """A ``-- destructive: reason`` or ``-- derived table: reason`` in a file."""

    kind: str
    """``destructive`` or ``derived table``."""
    table: str
    """Whose deleted rows can be worked out again; empty where it is destructive."""
    line: int
    reason: str
    in_header: bool
    """Whether it stands above the first statement, where it counts."""


def dangers(migration: Migration) -> list[Danger]:
    """All that a migration would destroy, in its order. Raises MigrationFilesError."""
    return _dangers(migration.path, migration.forth())


def losses(migration: Migration) -> list[Danger]:
    """What only a backup brings back: the dangers without deleted rows that are said to be derived.

    Raises MigrationFilesError.
    """
    derived = _derived(marks(migration.path))
    return [danger for danger in dangers(migration) if danger.what not in derived]


def losses_back(migration: Migration) -> list[Danger]:
    """What taking a migration back destroys, be it derived or not. Raises MigrationFilesError."""
    return _dangers(migration.rollback_path, migration.back())


def _derived(stand: Sequence[Mark]) -> set[str]:
    """What a file's marks say can be worked out again; nothing beside a ``-- destructive``."""
    header = [mark for mark in stand if mark.in_header and mark.reason]
    if any(mark.kind == "destructive" for mark in header):
        return set()
    return {DELETES.format(mark.table) for mark in header if mark.table}


def marks(path: Path) -> list[Mark]:
    """The marks of a file, wherever they stand."""
    found: list[Mark] = []
    in_header = True
    for token in tokenize(path.read_text(encoding="utf-8")):
        if token.kind is TokenKind.COMMENT:
            if match := _MARK.fullmatch(token.text):
                reason = match["reason"].strip()
                table = match["table"] or ""
                found.append(Mark(match["kind"], table, token.line + 1, reason, in_header))
        elif token.kind is not TokenKind.SPACE:
            in_header = False
    return found


def unmarked(directory: Path) -> list[Problem]:
    """What is destructive and does not say why, and marks that are not needed, on both engines.

    ``directory`` is the SQL directory. Raises MigrationFilesError.
    """
    problems: list[Problem] = []
    for engine in ENGINES:
        for migration in read_migrations(directory, engine):
            problems += _review(migration)
    return sorted(problems)


_MARK: Final = re.compile(r"--\s*(?P<kind>destructive|derived(?: (?P<table>\w+))?):(?P<reason>.*)")


def _review(migration: Migration) -> Iterator[Problem]:
    path = migration.path
    found, stand = dangers(migration), marks(path)
    what = {danger.what for danger in found}
    kinds: list[str] = []
    for mark in stand:
        needed = DELETES.format(mark.table) in what if mark.table else what
        second = mark.kind in kinds or (kinds and "destructive" in (mark.kind, kinds[0]))
        if not mark.in_header:
            wrong = "belongs above the first statement"
        elif second:
            wrong = "is a second mark: give one reason"
        elif mark.kind == "derived":
            wrong = "names no table: write '-- derived table: reason'"
        elif not mark.reason:
            wrong = "says nothing after the colon"
        elif not needed:
            wrong = "is not needed: take it away"
        elif mark.table and does_nothing(migration.back()):
            wrong = "is for what the rollback works out again, but it does nothing"
        else:
            wrong = ""
        if wrong:
            yield Problem(path, mark.line, f"'-- {mark.kind}:' {wrong}")
        if mark.in_header:
            kinds.append(mark.kind)
    if "destructive" not in kinds:
        for danger in losses(migration):
            message = f"{danger.what}: say why above the first statement, '-- destructive: reason'"
            yield Problem(path, danger.line, message)
    for mark in marks(migration.rollback_path):
        message = f"a rollback needs no '-- {mark.kind}', it always is: take it away"
        yield Problem(migration.rollback_path, mark.line, message)


def does_nothing(steps: Sequence[Step]) -> bool:
    """Whether these are the ``SELECT 1;`` of a file that has nothing to do."""
    return [step.text.strip().rstrip(";").upper() for step in steps] == ["SELECT 1"]


def _dangers(path: Path, steps: Sequence[Step]) -> list[Danger]:
    return [Danger(path, line, what) for line, what in destroyed_by(steps)]

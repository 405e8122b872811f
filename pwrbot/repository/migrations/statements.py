"""The statements of one migration's file, as yoyo reads it."""

# yoyo has no type stubs.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from pathlib import Path

import msgspec
from yoyo.migrations import read_sql_migration

from pwrbot.repository.migrations.errors import MigrationFilesError
from pwrbot.repository.tokens import significant, tokenize

_CONTROL = ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE")


class Step(msgspec.Struct, frozen=True):
    """One statement and the line it begins at, counted from 1."""

    text: str
    line: int


def read_statements(path: Path) -> list[Step]:
    """The statements of a file, at least one.

    Raises MigrationFilesError where it holds none, or what could not be done in one transaction.
    """
    try:
        text = path.read_text(encoding="utf-8")
        directives, _, statements = read_sql_migration(str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationFilesError(f"{path} cannot be read: {error}") from None
    if text.startswith("\ufeff"):
        raise MigrationFilesError(f"{path} begins with a byte order mark; save it without.")
    if directives:
        raise MigrationFilesError(
            f"{path}: leave out `-- {next(iter(directives))}:`. Each migration is one transaction,"
            " and they run in the order of their numbers."
        )
    steps: list[Step] = []
    position = 0
    for statement in statements:
        tokens = significant(tokenize(statement))
        if not [token for token in tokens if token.text != ";"]:
            continue
        begin = text.index(statement, position)
        position = begin + len(statement)
        step = Step(text=statement, line=text.count("\n", 0, begin) + tokens[0].line + 1)
        if tokens[0].is_word(*_CONTROL):
            raise MigrationFilesError(
                f"{path}:{step.line}: {tokens[0].text} has no place in a migration, which is one"
                " transaction already."
            )
        steps.append(step)
    if not steps:
        raise MigrationFilesError(
            f"{path} holds no statement. Where there is nothing to do, write SELECT 1;"
        )
    return steps

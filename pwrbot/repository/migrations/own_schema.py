"""What of a migration reaches beyond the bot's own schema, which its role may well be able to.

DATABASE_SCHEMA says which schema that is, so a migration names none, and leaves the search_path
alone. Extensions, roles and privileges are whose the database is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pwrbot.repository.errors import Problem
from pwrbot.repository.migrations.files import ENGINES, read_migrations
from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.tokens import Token, significant, tokenize


def beyond_own_schema(directory: Path) -> list[Problem]:
    """Where a migration, or its rollback, is about more than the bot's own schema.

    ``directory`` is the SQL directory. Raises MigrationFilesError.
    """
    return sorted(
        Problem(path, line, message)
        for engine in ENGINES
        for migration in read_migrations(directory, engine)
        for path, steps in (
            (migration.path, migration.forth()),
            (migration.rollback_path, migration.back()),
        )
        for step in steps
        for line, message in _findings(step)
    )


_OTHERS: Final = (
    *("EXTENSION", "ROLE", "USER", "GROUP", "DATABASE", "SCHEMA", "TABLESPACE", "LANGUAGE"),
    *("PUBLICATION", "SUBSCRIPTION", "SERVER", "EVENT", "OWNED", "SYSTEM"),
)
"""What lies outside of any schema, or is one."""

_BEFORE_A_NAME: Final = (
    *("TABLE", "UPDATE", "JOIN", "VIEW", "FUNCTION", "PROCEDURE", "INDEX", "TRIGGER", "TYPE"),
    *("SEQUENCE", "REFERENCES", "TRUNCATE", "PARTITION", "OF", "COPY", "CALL"),
)
_QUERIES: Final = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


def _findings(step: Step) -> Iterator[tuple[int, str]]:
    """The line of each, counted from 1, and what is wrong."""
    tokens = _inside(step.text)
    begin = step.line - tokens[0].line
    first, kind = tokens[0], tokens[1] if len(tokens) > 1 else tokens[0]
    if first.is_word("GRANT", "REVOKE", "REASSIGN"):
        yield step.line, f"{first.text.upper()}: who may do what is for whoever runs the database"
    elif first.is_word("CREATE", "ALTER", "DROP") and kind.is_word(*_OTHERS):
        what = f"{first.text} {kind.text}".upper()
        yield step.line, f"{what}: a migration changes the bot's own schema, and nothing around it"
    for place, token in enumerate(tokens):
        after = [t.text.upper() for t in tokens[place + 1 : place + 3]]
        if token.text.strip("'\"").lower() == "search_path" and after != ["FROM", "CURRENT"]:
            yield (
                begin + token.line,
                "search_path: a function has it FROM CURRENT, nothing else sets it",
            )
        elif token.is_word("SET") and after[:1] == ["SCHEMA"] and after[1:] != ["="]:
            yield begin + token.line, "SET SCHEMA: a migration works in the bot's own"
    for token, name in _qualified(tokens):
        yield begin + token.line, f"{name}: name no schema, a migration works in the bot's own"


def _inside(text: str, line: int = 0) -> list[Token]:
    """The tokens that mean something; a function's body as what it holds."""
    tokens: list[Token] = []
    for token in significant(tokenize(text)):
        if token.text.startswith("$") and token.text.endswith("$") and len(token.text) > 1:
            tag = token.text.index("$", 1) + 1
            tokens += _inside(token.text[tag:-tag], line + token.line)
        else:
            tokens.append(Token(token.kind, token.text, line + token.line))
    return tokens


def _qualified(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """The names with a schema, where tables and the like are named: not the columns of an alias."""
    levels = [tokens[0]]
    """What the statement begins with, and each of the parentheses that are open."""
    on = _on_of_a_name(tokens)
    for place, token in enumerate(tokens[:-1]):
        before = tokens[place - 1]
        named = False
        if token.text == "(":
            levels.append(tokens[place + 1])
        elif token.text == ")" and len(levels) > 1:
            levels.pop()
        elif token.is_word("FROM"):  # not EXTRACT(hour FROM a.b), not IS DISTINCT FROM a.b
            query = len(levels) == 1 or levels[-1].is_word(*_QUERIES)
            named = query and not before.is_word("DISTINCT")
        elif token.is_word("INTO"):  # not SELECT a INTO new.b
            named = before.is_word("INSERT", "MERGE", "REPLACE", "IGNORE")
        elif token.is_word("USING"):  # not ALTER COLUMN a TYPE b USING c.d
            named = not tokens[0].is_word("ALTER")
        else:
            named = place == on or token.is_word(*_BEFORE_A_NAME)
        if named:
            yield from _names_at(tokens, place + 1)


def _on_of_a_name(tokens: Sequence[Token]) -> int | None:
    """Where the ON stands that a table's name follows; every other begins a condition."""
    if tokens[0].is_word("CREATE", "ALTER", "DROP") and any(
        token.is_word("INDEX", "TRIGGER", "RULE", "POLICY") for token in tokens[1:4]
    ):
        return next((place for place, t in enumerate(tokens) if t.is_word("ON")), None)
    return None


def _names_at(tokens: Sequence[Token], place: int) -> Iterator[tuple[Token, str]]:
    while place < len(tokens) and tokens[place].is_word("IF", "NOT", "EXISTS", "ONLY"):
        place += 1
    names = [token.text for token in tokens[place : place + 4]]
    if names[1:2] == ["."]:
        yield tokens[place], "".join(names[:3])
        place += 2
    if [token.text for token in tokens[place + 1 : place + 2]] == [","]:
        yield from _names_at(tokens, place + 2)

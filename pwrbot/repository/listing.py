"""What ``pwrbot sql list`` and ``pwrbot sql show`` print: the statements, for people."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from pwrbot.errors import ConfigError
from pwrbot.repository.queries import ENGINES, EngineName
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.statement import Statement


def list_statements() -> str:
    """A line for each statement: its name, its kind and where its text stands."""
    statements = bind_repository("sqlite").statements
    lines = [(s.name, f":{s.query.kind}", _place(s)) for s in statements]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    return "\n".join(
        f"{name:{widths[0]}}  {kind:{widths[1]}}  {place}" for name, kind, place in sorted(lines)
    )


def show_statement(name: str, engine: EngineName | None = None) -> str:
    """The statement as it will run on one engine, or on both. Raises ConfigError."""
    engines = ENGINES if engine is None else (engine,)
    return "\n\n".join(_shown(name, each) for each in engines)


def find_statement(name: str, statements: Sequence[Statement]) -> Statement:
    """The statement of that name. Raises ConfigError, which suggests others."""
    known = {statement.name: statement for statement in statements}
    if found := known.get(name):
        return found
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; `pwrbot sql list` names all"
    raise ConfigError(f"there is no statement {name!r}{hint}")


def _shown(name: str, engine: EngineName) -> str:
    statement = find_statement(name, bind_repository(engine).statements)
    sign = "$" if engine == "postgres" else "?"
    parameters = ", ".join(
        f"{sign}{number} {parameter}: {kind.name}"
        for number, (parameter, kind) in enumerate(statement.parameters.items(), 1)
    )
    heading = [
        f"-- {statement.name} :{statement.query.kind} on {engine}, from {_place(statement)}",
        f"-- {statement.query.description}",
        f"-- parameters: {parameters or 'none'}",
    ]
    return "\n".join([*heading, statement.sql])


def _place(statement: Statement) -> str:
    path = statement.query.path
    parts = path.parts[-3:] if path.parent.name == "queries" else path.parts
    return f"{Path(*parts)}:{statement.query.line}"

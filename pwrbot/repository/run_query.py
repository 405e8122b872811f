"""``pwrbot sql run``: one query, read-only, and its rows for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import GenericAlias
from typing import Any, cast

import msgspec

from pwrbot.clock import Clock
from pwrbot.errors import PwrbotError
from pwrbot.repository.as_text import example, parsed, shown
from pwrbot.repository.bind import Bound
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.engine.opening import open_engine
from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.listing import find_statement
from pwrbot.repository.queries import EngineName
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.statement import Statement
from pwrbot.repository.types import ColumnType, column_type
from pwrbot.repository.url import PostgresURL, SQLiteURL


class QueryNotRun(PwrbotError):
    """The query cannot be run like this: the message says what it takes."""

    exit_code = 2


class Result(msgspec.Struct, frozen=True):
    """What a query gave: its rows, each with a value for every column."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


async def run_query(
    url: SQLiteURL | PostgresURL,
    name: str,
    arguments: Sequence[str],
    clock: Clock,
    options: EngineOptions | None = None,
) -> Result:
    """Run the statement with these ``key=value`` arguments on a database that may be in use.

    Nothing can be changed: a statement that writes is refused, and the database is opened
    read-only. ``now`` among the values is the clock's. Raises ConfigError for an unknown name,
    QueryNotRun for arguments that do not fit, DatabaseError.
    """
    options = options or EngineOptions()
    engine_name: EngineName = "sqlite" if isinstance(url, SQLiteURL) else "postgres"
    bound = bind_repository(engine_name, schema=options.schema)
    statement = find_statement(name, bound.statements)
    if not statement.readonly:
        raise QueryNotRun(
            f"{name} changes the database, and `pwrbot sql run` only reads; "
            f"`pwrbot sql show {name}` prints its text"
        )
    takes, in_order = _call(statement, bound)
    values = in_order(_values(statement, takes, arguments, clock))
    options = msgspec.structs.replace(options, read_only=True, pool_min=1, pool_max=1, readers=1)
    engine = await open_engine(url, options)
    try:
        wrong = await engine.check([statement])
        if wrong:
            raise DatabaseError(
                f"{name} does not fit this database: {wrong[name]}; "
                "`pwrbot status` says whether it is migrated"
            )
        rows = await engine.fetch(statement, statement.adapt(values))
    finally:
        await engine.close()
    return _result(statement, statement.decode(rows))


def as_table(result: Result) -> str:
    """The rows in aligned columns, numbers to the right, and how many there are."""
    lines = [[shown(value) for value in row] for row in result.rows]
    widths = [max(map(_width, column)) for column in zip(result.columns, *lines, strict=True)]
    numbers = [
        any(isinstance(row[place], int) for row in result.rows)
        for place in range(len(result.columns))
    ]
    rule = ["-" * width for width in widths]
    table = [
        "  ".join(_padded(*cell) for cell in zip(line, widths, numbers, strict=True)).rstrip()
        for line in (result.columns, rule, *lines)
    ]
    count = len(lines)
    return "\n".join([*table, f"({count} row{'s' * (count != 1)})"])


def as_json(result: Result) -> str:
    """The rows as a JSON array of objects. Times are ISO 8601, and so are durations.

    Numbers from 2**53 on, as ids are, come as strings: JavaScript and older jq would round them.
    """
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    exact = _unrounded(msgspec.to_builtins(rows))
    return msgspec.json.format(msgspec.json.encode(exact), indent=2).decode()


def _unrounded(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _unrounded(one) for name, one in items}
    if isinstance(value, list | tuple):
        return [_unrounded(one) for one in cast("Sequence[Any]", value)]
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 53 else value


_InOrder = Callable[[Mapping[str, Any]], Sequence[Any]]
"""Puts values by name into the order of the statement's parameters."""


def _call(statement: Statement, bound: Bound) -> tuple[Mapping[str, ColumnType], _InOrder]:
    """What the statement takes: its parameters, or for select_many a list for each key column."""
    if statement.query.name != "select_many":
        return statement.parameters, lambda values: list(values.values())
    crud = bound.tables[statement.query.module].crud
    fields = crud.shape.fields
    lists = {
        column: column_type(GenericAlias(list, fields[column].python), bound.engine)
        for column in crud.shape.key
    }
    return lists, lambda values: crud.keys(_keys(statement, list(values.values())))


def _keys(statement: Statement, lists: Sequence[Sequence[Any]]) -> Iterable[Any]:
    if len({len(values) for values in lists}) > 1:
        raise QueryNotRun(f"{statement.name} takes lists of the same length: each makes a key")
    return lists[0] if len(lists) == 1 else list(zip(*lists, strict=True))


def _values(
    statement: Statement, takes: Mapping[str, ColumnType], arguments: Sequence[str], clock: Clock
) -> Mapping[str, Any]:
    """The values by name, in the order of ``takes``. Raises QueryNotRun with all that is wrong."""
    problems: list[str] = []
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            problems.append(f"{argument!r} is not of the form name=value")
        elif name not in takes:
            problems.append(f"{name} is no parameter of it")
        elif name in given:
            problems.append(f"{name} is given twice")
        else:
            given[name] = text
    now = clock.now()
    values: dict[str, Any] = {}
    for name, kind in takes.items():
        if name not in given:
            problems.append(f"{name} is missing")
            continue
        try:
            values[name] = parsed(given[name], kind, now)
        except ValueError as error:
            problems.append(f"{name}: {given[name]!r} {error}")
    if problems:
        raise QueryNotRun(_refusal(statement, takes, problems))
    return values


def _refusal(statement: Statement, takes: Mapping[str, ColumnType], problems: Sequence[str]) -> str:
    width = max(map(len, takes), default=0)
    types = max((len(kind.name) for kind in takes.values()), default=0)
    lines = [
        f"  {name:{width}}  {kind.name:{types}}  {example(kind)}" for name, kind in takes.items()
    ]
    return "\n".join(
        [
            f"{statement.name} was not run:",
            *(f"  {problem}" for problem in problems),
            "It takes:" if lines else "It takes nothing.",
            *lines,
        ]
    )


def _result(statement: Statement, rows: Sequence[Any]) -> Result:
    columns = statement.query.shape.columns
    if statement.reads:
        rows = [[getattr(row, column) for column in columns] for row in rows]
    else:
        rows = [[value] for value in rows]
    return Result(columns, rows)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return f"{space}{text}" if right else f"{text}{space}"


def _width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )

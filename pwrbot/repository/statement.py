"""A query made ready for one engine: its final text, its parameters in order, its row decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from pwrbot.repository.errors import DecodeError, InvalidValue
from pwrbot.repository.queries import EngineName, Query
from pwrbot.repository.statement_shape import is_list
from pwrbot.repository.tokens import Token, TokenKind, significant, tokenize
from pwrbot.repository.types import WRITTEN_OUT, Adapter, ColumnType


class Row(Protocol):
    """One row as a driver gives it: its values in the order of the columns."""

    def __getitem__(self, place: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Statistics:
    """How often a statement ran, and for how long."""

    __slots__ = ("calls", "errors", "seconds", "slowest")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.seconds = 0.0
        self.slowest = 0.0


class Decoder(msgspec.Struct, frozen=True):
    """How a statement's rows are read."""

    columns: Mapping[str, ColumnType]
    """What is expected of each result column."""
    decode: Callable[[Sequence[Row]], list[Any]]
    reads: str = ""
    """The class a row is read into; empty where it is a plain value, or nothing."""


class Statement:
    """A named query as an engine runs it."""

    __slots__ = (
        "_adapters",
        "decode",
        "name",
        "order",
        "parameters",
        "query",
        "readonly",
        "reads",
        "results",
        "sql",
        "statistics",
    )

    def __init__(
        self,
        query: Query,
        sql: str,
        parameters: Mapping[str, ColumnType],
        decoder: Decoder,
        order: str | None = None,
    ) -> None:
        self.query = query
        self.name = statement_name(query, order)
        self.order = order
        self.sql = sql
        self.readonly = query.shape.readonly
        self.parameters = parameters
        self.results = decoder.columns
        self.reads = decoder.reads
        self.decode = decoder.decode
        """Makes a list of results of a list of rows. Raises DecodeError."""
        self.statistics = Statistics()
        self._adapters: tuple[Adapter, ...] = tuple(t.adapt for t in parameters.values())

    def adapt(self, values: Sequence[Any]) -> list[Any]:
        """The parameters as the driver takes them, in their order. Raises InvalidValue."""
        try:
            return [adapt(value) for adapt, value in zip(self._adapters, values, strict=True)]
        except (ValueError, TypeError, OverflowError, msgspec.MsgspecError):
            raise self._refusal(values) from None

    def _refusal(self, values: Sequence[Any]) -> InvalidValue:
        """Which parameter was refused and why; never the value, which may be private."""
        if len(values) != len(self.parameters):
            expected = ", ".join(self.parameters)
            return InvalidValue(f"{self.name}: {len(values)} values given for {expected}")
        for (name, kind), value in zip(self.parameters.items(), values, strict=True):
            try:
                kind.adapt(value)
            except ValueError as error:
                return InvalidValue(f"{self.name}: {name} {error} ({kind.name} expected)")
            except (TypeError, OverflowError, msgspec.MsgspecError):
                return InvalidValue(f"{self.name}: {name} must be {kind.name}")
        return InvalidValue(f"{self.name}: the parameters do not fit")


def sql_text(
    query: Query,
    engine: EngineName,
    parameters: Mapping[str, ColumnType],
    *,
    order: str | None = None,
    schema: str = "",
    tables: frozenset[str] = frozenset(),
) -> str:
    """The text the engine runs: parameters in its words, the name in a comment that leads it.

    On PostgreSQL each parameter is cast to its declared type and each table is named with its
    schema, so that a connection needs no search_path and keeps no state.
    """
    tokens = ordered_tokens(query, order)
    numbers = {name: number for number, name in enumerate(parameters, 1)}
    meaningful = significant(tokens)
    position = -1
    pieces: list[str] = []
    for token in tokens:
        if token.kind in (TokenKind.SPACE, TokenKind.COMMENT):
            pieces.append(token.text)
            continue
        position += 1
        if token.kind is TokenKind.PARAMETER:
            name = token.text[1:]
            if engine == "postgres":
                pieces.append(f"${numbers[name]}::{parameters[name].postgres}")
            elif is_list(meaningful, position):
                pieces.append(f"SELECT value FROM JSON_EACH(?{numbers[name]})")
            else:
                pieces.append(f"?{numbers[name]}")
        elif engine == "postgres" and token.is_word("IN", "NOT"):
            pieces.append(_array_comparison(meaningful, position))
        elif schema and token.text in tables and _is_table(meaningful, position):
            pieces.append(f'"{schema}".{token.text}')
        else:
            pieces.append(token.text)
    return f"/* {statement_name(query, order)} */ {''.join(pieces)}"


def ordered_tokens(query: Query, order: str | None) -> list[Token]:
    """The query's tokens, ordered by the text itself or as its header names."""
    tokens = list(query.tokens)
    if order is not None and query.shape.order is not None:
        start, end = query.shape.order
        tokens[start:end] = tokenize(query.directives.orders[order])
    return tokens


def statement_name(query: Query, order: str | None = None) -> str:
    """``module.query``, or ``module.query:order`` where it is ordered otherwise than its text."""
    return query.full_name if order is None else f"{query.full_name}:{order}"


def _array_comparison(tokens: Sequence[Token], position: int) -> str:
    """PostgreSQL's words for IN (:list) and NOT IN (:list): one text whatever the length."""
    if tokens[position].is_word("NOT"):
        negates_list = is_list(tokens, position + 3) and tokens[position + 1].is_word("IN")
        return "<>" if negates_list else tokens[position].text
    if not is_list(tokens, position + 2):
        return tokens[position].text
    return "ALL" if position and tokens[position - 1].is_word("NOT") else "= ANY"


def _is_table(tokens: Sequence[Token], position: int) -> bool:
    return position > 0 and tokens[position - 1].is_word("FROM", "JOIN", "INTO", "UPDATE")


def hidden_table(query: Query, tables: frozenset[str]) -> str | None:
    """The table whose name a WITH of this query takes: PostgreSQL would be told the table's."""
    tokens = significant(query.tokens)
    for before, token, after, opening in zip(
        tokens, tokens[1:], tokens[2:], tokens[3:], strict=False
    ):
        if token.text in tables and (
            (
                after.is_word("AS")
                and (opening.text == "(" or opening.is_word("NOT", "MATERIALIZED"))
            )
            or (after.text == "(" and (before.is_word("WITH", "RECURSIVE") or before.text == ","))
        ):
            return token.text
    return None


def row_decoder(
    query: Query,
    engine: EngineName,
    fields: Mapping[str, ColumnType],
    make: Callable[..., Any],
) -> Decoder:
    """A decoder that makes ``make(field, ...)`` of each row, compiled once for these columns.

    Rows whose columns are the fields, in order and as the driver gives them, go straight into the
    class; anything else through one comprehension written for exactly this shape.
    """
    columns = query.shape.columns
    convert = {name: kind.decode for name, kind in fields.items() if kind.decode is not None}
    written = {name: kind.written_out for name, kind in fields.items() if kind.written_out}
    for name in query.directives.notnull.keys() & fields.keys():
        convert[name] = _never_null(query, name, convert.get(name))
        written.pop(name, None)
    if columns == tuple(fields) and not convert:
        tuples = _tuples_of_records if engine == "postgres" else iter
        decode: Callable[[Sequence[Row]], list[Any]] = lambda rows: list(  # noqa: E731
            starmap(make, tuples(rows))
        )
    else:
        # The source is made of numbers and what types.py wrote; no name or text of a query gets in.
        places = {name: number for number, name in enumerate(columns)}
        unpacked = "".join(f"c{number}, " for number in range(len(columns)))

        def argument(name: str) -> str:
            value = f"c{places[name]}"
            if name in written:
                return written[name].format(value)
            return f"d{places[name]}({value})" if name in convert else value

        arguments = ", ".join(map(argument, fields))
        scope: dict[str, Any] = {f"d{places[name]}": decode for name, decode in convert.items()}
        source = f"lambda rows: [make({arguments}) for {unpacked}in rows]"
        decode = eval(source, {"make": make, **WRITTEN_OUT, **scope})

    def decode_or_explain(rows: Sequence[Row]) -> list[Any]:
        try:
            return decode(rows)
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            raise DecodeError(
                f"{query.full_name}: a row does not fit {make.__name__}: {type(error).__name__}"
            ) from error

    return Decoder(fields, decode_or_explain, make.__name__)


def value_decoder(query: Query, kind: ColumnType) -> Decoder:
    """A decoder that takes the only column of each row."""
    decode_value = kind.decode
    for name in query.directives.notnull.keys() & set(query.shape.columns):
        decode_value = _never_null(query, name, decode_value)
    first = itemgetter(0)
    expected = dict.fromkeys(query.shape.columns, kind)
    if decode_value is None:
        return Decoder(expected, lambda rows: list(map(first, rows)))

    def decode(rows: Sequence[Row]) -> list[Any]:
        try:
            return [decode_value(row[0]) for row in rows]
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            raise DecodeError(
                f"{query.full_name}: the value is no {kind.name}: {type(error).__name__}"
            ) from error

    return Decoder(expected, decode)


def _tuples_of_records(records: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """A slice takes the values out of an asyncpg record in half the time that iterating takes."""
    return map(_EVERYTHING, records)


_EVERYTHING = itemgetter(slice(None))


def _never_null(
    query: Query, column: str, decode: Callable[[Any], Any] | None
) -> Callable[[Any], Any]:
    """What holds a ``-- notnull column: reason`` to its word. Raises DecodeError."""

    def checked(value: Any) -> Any:
        if value is None:
            raise DecodeError(
                f"{query.full_name}: column {column} is NULL, though its header says"
                f" '-- notnull {column}: {query.directives.notnull[column]}'"
            )
        return value if decode is None else decode(value)

    return checked


NO_ROWS = Decoder({}, lambda rows: [])
"""The decoder of a statement that gives none."""

"""What fills the CRUD macro's statements: an entity's values, or the keys that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from pwrbot.repository.errors import InvalidValue, Problem
from pwrbot.repository.queries import MACRO, Block, EngineName, Query
from pwrbot.repository.table import CRUD, EntityShape, as_row
from pwrbot.repository.types import ColumnType, adapt_all


def values_at(places: list[int]) -> Callable[[tuple[Any, ...]], Sequence[Any]]:
    """What takes the values at these places out of a row."""
    if len(places) == 1:
        place = places[0]
        return lambda row: (row[place],)
    return itemgetter(*places)


def key_lists(shape: EntityShape, engine: EngineName) -> dict[str, ColumnType]:
    """The parameters of select_many: a JSON array of keys, or an array for each key column."""
    kinds = [shape.fields[column] for column in shape.key]

    def to_json(lists: Sequence[Iterable[Any]]) -> str:
        columns = [adapt_all(kind, values) for kind, values in zip(kinds, lists, strict=True)]
        return msgspec.json.encode(list(zip(*columns, strict=True))).decode()

    def list_type(name: str, postgres: str, adapt: Callable[[Any], Any]) -> ColumnType:
        return ColumnType(name, postgres, adapt, None, frozenset(), is_list=True)

    if engine == "sqlite":
        return {"keys": list_type("list of keys", "jsonb", to_json)}
    return {
        column: list_type(f"list[{kind.name}]", f"{kind.postgres}[]", partial(adapt_all, kind))
        for column, kind in zip(shape.key, kinds, strict=True)
    }


def keys_as_json_rows(table: str, width: int, keys: Iterable[Any]) -> Sequence[Any]:
    """select_many's values on SQLite: a single one, all the lists."""
    return (key_columns(table, width, keys),)


def key_columns(table: str, width: int, keys: Iterable[Any]) -> Sequence[Any]:
    """select_many's values on PostgreSQL: a list for each column of the key."""
    if width == 1:
        return [list(keys)]
    rows = [as_row(key) for key in keys]
    if any(len(row) != width for row in rows):
        raise InvalidValue(f"{table}.select_many: each key must have {width} values")
    return list(zip(*rows, strict=True)) if rows else [[] for _ in range(width)]


def macro_problems(macro: Sequence[Block], queries: Iterable[Query]) -> Iterator[Problem]:
    """The macro holds exactly the statements that ``Crud`` runs."""
    found = {query.name: query for query in queries}
    path = macro[0].path if macro else Path(f"{MACRO}.sql")
    for name in CRUD - found.keys():
        yield Problem(path, 1, f"the CRUD macro lacks the query {name}")
    for name in found.keys() - CRUD:
        yield found[name].problem("is not one of the CRUD macro's queries")

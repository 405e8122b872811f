"""Where a parameter meets a column, and whether their types fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from pwrbot.repository.check.catalog import TableInfo
from pwrbot.repository.check.tree import Tree
from pwrbot.repository.queries import EngineName
from pwrbot.repository.types import ColumnType


def meetings(tree: Tree) -> Iterator[tuple[exp.Placeholder, TableInfo, str, bool]]:
    """Parameters with the column each is compared with or, True, stored in."""
    yield from ((*meeting, False) for meeting in _compared(tree))
    insertion = tree.insertion
    if insertion and insertion.table:
        for _, row in insertion.rows:
            for name, value in zip(insertion.columns, row, strict=False):
                if isinstance(value, exp.Placeholder):
                    yield value, insertion.table, name, True
    for table, assignment in _assignments(tree):
        if isinstance(assignment.expression, exp.Placeholder):
            yield assignment.expression, table, assignment.this.name.lower(), True


def _compared(tree: Tree) -> Iterator[tuple[exp.Placeholder, TableInfo, str]]:
    for node in tree.node.find_all(exp.EQ, exp.In):
        if isinstance(node.parent, exp.Update | exp.OnConflict):
            continue  # an assignment, which looks the same
        others = node.expressions if isinstance(node, exp.In) else [node.expression]
        pairs = [(node.this, other) for other in others]
        for one, other in (*pairs, *((b, a) for a, b in pairs)):
            base = tree.base_column(one)
            if base and isinstance(other, exp.Placeholder):
                yield other, *base


def _assignments(tree: Tree) -> Iterator[tuple[TableInfo, exp.Expr]]:
    """SET column = value, of an UPDATE or an upsert."""
    if tree.target is None:
        return
    source = next(iter(tree.target.sources.values()), None)
    conflict = tree.node.args.get("conflict")
    clause = tree.node if isinstance(tree.node, exp.Update) else conflict
    if source and source.table and clause is not None:
        for assignment in clause.expressions:
            if isinstance(assignment, exp.EQ):
                yield source.table, assignment


def storage_name(kind: ColumnType, engine: EngineName) -> str:
    """The type a parameter has on the engine."""
    if engine == "postgres":
        return kind.postgres
    return "TEXT" if kind.is_list else storage(kind)


_POSTGRES: Final = {
    "timestamp with time zone": "timestamptz",
    "integer": "bigint",
    "smallint": "bigint",
    "int": "bigint",
    "int8": "bigint",
    "int4": "bigint",
    "character varying": "text",
    "varchar": "text",
    "bool": "boolean",
}


def fits(kind: ColumnType, declared: str, engine: EngineName) -> bool:
    if engine == "sqlite":
        return kind.is_list or affinity(declared) in (None, storage(kind))
    plain = declared.split("(")[0].strip().lower()
    return kind.postgres.removesuffix("[]") == _POSTGRES.get(plain, plain)


def storage(kind: ColumnType) -> str:
    """What SQLite keeps a value of this type as."""
    return "TEXT" if kind.postgres in ("text", "date", "jsonb") else "INTEGER"


def affinity(declared: str) -> str | None:
    """What a column of SQLite keeps; None where it takes anything."""
    if "INT" in declared:
        return "INTEGER"
    return "TEXT" if any(w in declared for w in ("CHAR", "CLOB", "TEXT")) else None

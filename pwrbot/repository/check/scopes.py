"""What a statement is made of: sources, conditions, scopes and blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from sqlglot import exp

from pwrbot.repository.check.catalog import TableInfo

Term = tuple[int, str]
"""A column of one source: the source's identity, and the name."""


class Source(msgspec.Struct, eq=False):
    """One thing a FROM names."""

    name: str
    table: TableInfo | None = None
    block: Block | None = None
    """The derived table or CTE; neither of both where it is a function, or is not known."""
    optional: bool = False
    """Whether an outer join may leave it without a row."""
    node: exp.Expr | None = None

    def has(self, column: str) -> bool:
        """Whether it has this column, as far as is known."""
        if self.table:
            return column in self.table.columns
        return self.block is not None and column in self.block.columns

    @property
    def columns(self) -> tuple[str, ...]:
        if self.table:
            return tuple(self.table.columns)
        return self.block.columns if self.block else ()

    def term(self, column: str) -> Term:
        return id(self), column


class Condition(msgspec.Struct, eq=False):
    """One of the conditions that all hold for a row."""

    expression: exp.Expr
    origin: Literal["where", "join", "outer join"]
    joined: Source | None = None
    """Of an outer join: the source that has no row where the condition does not hold."""


class Scope(msgspec.Struct, eq=False):
    """A SELECT, or an UPDATE or DELETE: its sources and conditions."""

    node: exp.Expr
    parent: Scope | None
    sources: dict[str, Source]
    conditions: list[Condition]

    def source_of(self, column: exp.Column) -> Source | None:
        """What a column belongs to, here or in a scope around; None where that is not known."""
        scope: Scope | None = self
        while scope:
            if column.table:
                if found := scope.sources.get(column.table.lower()):
                    return found
            else:
                known = [s for s in scope.sources.values() if s.has(column.name.lower())]
                if len(known) == 1:
                    return known[0]
                if known or any(not s.table and not s.block for s in scope.sources.values()):
                    return None
            scope = scope.parent
        return None

    def owns(self, source: Source) -> bool:
        return any(source is own for own in self.sources.values())

    @property
    def outputs(self) -> list[tuple[str, exp.Expr]]:
        """Result columns and what each is made of."""
        return [(e.alias_or_name.lower(), e.unalias()) for e in self.node.expressions]

    @property
    def groups(self) -> list[exp.Expr] | None:
        """What GROUP BY names; an empty list where all rows become one; None without either."""
        group = self.node.args.get("group")
        if isinstance(group, exp.Group):
            return list(group.expressions)
        within = [*self.node.expressions, self.node.args.get("having")]
        return [] if any(has_aggregate(e, self.node) for e in within if e is not None) else None


class Block(msgspec.Struct, eq=False):
    """What gives rows: a SELECT, or several put together."""

    node: exp.Expr
    branches: list[Scope]
    distinct: bool
    """Of several: whether equal rows become one."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.branches[0].outputs) if self.branches else ()

    @property
    def order(self) -> list[exp.Expr]:
        order = self.node.args.get("order")
        return [ordered.this for ordered in order.expressions] if order else []

    @property
    def limit(self) -> exp.Expr | None:
        limit = self.node.args.get("limit")
        return limit if limit is not None else self.node.args.get("offset")


class Insertion(msgspec.Struct, eq=False):
    """What an INSERT puts where: for each row, an expression for each column."""

    table: TableInfo | None
    columns: tuple[str, ...]
    rows: list[tuple[Scope, list[exp.Expr]]]
    node: exp.Expr


def conjuncts(expression: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that AND puts together."""
    expression = expression.unnest()
    if isinstance(expression, exp.And):
        yield from conjuncts(expression.this)
        yield from conjuncts(expression.expression)
    else:
        yield expression


def has_aggregate(expression: exp.Expr, select: exp.Expr) -> bool:
    """Whether it makes one of many rows of this SELECT (a window does not)."""
    return any(
        not isinstance(node.parent, exp.Window) and node.parent_select is select
        for node in expression.find_all(exp.AggFunc)
    )


def line_of(node: exp.Expr) -> int:
    """Which line of the text this begins on, counted from 0; 0 where it is not known."""
    lines = [identifier.meta.get("line") for identifier in node.find_all(exp.Identifier)]
    return min((line for line in lines if isinstance(line, int)), default=1) - 1

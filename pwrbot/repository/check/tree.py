"""A statement as a tree of scopes: what each FROM brings, what each name stands for.

sqlglot parses; here its tree is made into what the rules ask about. ``nullability.py``,
``uniqueness.py`` and ``guilds.py`` each answer one question of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pwrbot.repository.check.catalog import Catalog, TableInfo
from pwrbot.repository.check.scopes import (
    Block,
    Condition,
    Insertion,
    Scope,
    Source,
    Term,
    conjuncts,
)
from pwrbot.repository.queries import EngineName


class Unparsable(Exception):
    """The text is not understood here; whether it is SQL is for the engine to say."""


class Tree:
    """A statement, understood."""

    def __init__(self, text: str, engine: EngineName, catalog: Catalog) -> None:
        try:
            parsed = sqlglot.parse_one(text, dialect=engine)
        except SqlglotError as error:
            raise Unparsable(str(error).splitlines()[0]) from None
        self.engine: EngineName = engine
        self.node: exp.Expr = parsed
        self.catalog = catalog
        self.scopes: list[Scope] = []
        self.blocks: list[Block] = []
        self.insertion: Insertion | None = None
        self._scope_of: dict[int, Scope] = {}
        self._block_of: dict[int, Block] = {}
        self.result: Block | None = None
        """Of a SELECT."""
        self.target: Scope | None = None
        """Of the others: where RETURNING finds its columns."""
        if isinstance(parsed, exp.Insert):
            self._insert(parsed, self._ctes(parsed, {}))
        elif isinstance(parsed, exp.Update | exp.Delete):
            self._change(parsed, self._ctes(parsed, {}))
        elif isinstance(parsed, exp.Query):
            self.result = self._block(parsed, None, {})
        else:
            raise Unparsable(f"no SELECT, INSERT, UPDATE or DELETE: {type(parsed).__name__}")

    @property
    def outputs(self) -> list[tuple[str, exp.Expr]]:
        """The result columns of the whole statement (of the first branch, where there are more)."""
        if self.result:
            return self.result.branches[0].outputs if self.result.branches else []
        returning = self.node.args.get("returning")
        return (
            [(e.alias_or_name.lower(), e.unalias()) for e in returning.expressions]
            if returning
            else []
        )

    def scope_at(self, node: exp.Expr) -> Scope | None:
        """The innermost scope a part of the tree stands in."""
        current: exp.Expr | None = node
        while current is not None:
            if scope := self._scope_of.get(id(current)):
                return scope
            current = current.parent
        return None

    def block_at(self, node: exp.Expr) -> Block | None:
        """What a sub-query in an expression gives."""
        while isinstance(node, exp.Subquery):
            node = node.this
        return self._block_of.get(id(node))

    def source_of(self, column: exp.Column) -> Source | None:
        """What a column belongs to, wherever it stands."""
        scope = self.scope_at(column)
        return scope.source_of(column) if scope else None

    def term_of(self, expression: exp.Expr) -> Term | None:
        """The term of a plain column whose source is known."""
        expression = expression.unnest()
        if not isinstance(expression, exp.Column):
            return None
        source = self.source_of(expression)
        return source.term(expression.name.lower()) if source else None

    def base_column(self, expression: exp.Expr) -> tuple[TableInfo, str] | None:
        """The table and column, where the expression is a plain column of a table."""
        if not isinstance(expression, exp.Column):
            return None
        source = self.source_of(expression)
        name = expression.name.lower()
        return (source.table, name) if source and source.table and source.has(name) else None

    # Building

    def _ctes(self, node: exp.Expr, outer: dict[str, Block | None]) -> dict[str, Block | None]:
        clause = node.args.get("with_")
        if clause is None:
            return outer
        found = dict(outer)
        for cte in clause.expressions:
            name = cte.alias.lower()
            _rename(cte)
            if clause.args.get("recursive"):
                found[name] = None  # within itself it is not known
            found[name] = self._block(cte.this, None, found)
        return found

    def _block(self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Block | None]) -> Block:
        outer = node
        while isinstance(node, exp.Subquery):
            node = node.this
        ctes = self._ctes(node, ctes)
        branches: list[Scope] = []
        distinct = False
        if isinstance(node, exp.SetOperation):
            distinct = bool(node.args.get("distinct"))
            for side in (node.this, node.expression):
                branches += self._block(side, parent, ctes).branches
        elif isinstance(node, exp.Select):
            branches = [self._select(node, parent, ctes)]
        block = Block(node, branches, distinct)
        self.blocks.append(block)
        self._block_of[id(node)] = self._block_of[id(outer)] = block
        return block

    def _select(
        self, node: exp.Select, parent: Scope | None, ctes: dict[str, Block | None]
    ) -> Scope:
        scope = self._scope(node, parent)
        self._from(scope, node.args.get("from_"), ctes)
        self._joins(scope, node.args.get("joins") or (), ctes)
        self._where(scope)
        self._subqueries(scope, ctes)
        return scope

    def _scope(self, node: exp.Expr, parent: Scope | None) -> Scope:
        scope = Scope(node, parent, {}, [])
        self._scope_of[id(node)] = scope
        self.scopes.append(scope)
        return scope

    def _from(self, scope: Scope, clause: exp.Expr | None, ctes: dict[str, Block | None]) -> None:
        if clause is not None:
            first = self._source(clause.this, scope, ctes)
            scope.sources[first.name] = first
            self._joins(scope, clause.this.args.get("joins") or (), ctes)

    def _joins(
        self, scope: Scope, joins: Sequence[exp.Expr], ctes: dict[str, Block | None]
    ) -> None:
        for join in joins:
            before = list(scope.sources.values())
            joined = self._source(join.this, scope, ctes)
            scope.sources[joined.name] = joined
            side = str(join.args.get("side") or "").upper()
            joined.optional = side in ("LEFT", "FULL")
            if side in ("RIGHT", "FULL"):
                for source in before:
                    source.optional = True
            if side in ("RIGHT", "FULL"):
                continue  # nothing that the rules could lean on
            for condition in self._on(join, before, joined):
                if side:
                    scope.conditions.append(Condition(condition, "outer join", joined))
                else:
                    scope.conditions.append(Condition(condition, "join"))

    def _on(self, join: exp.Expr, before: Sequence[Source], joined: Source) -> Iterator[exp.Expr]:
        if (on := join.args.get("on")) is not None:
            yield from conjuncts(on)
        for name in join.args.get("using") or ():
            for source in before:
                if source.has(name.name.lower()):
                    left = exp.column(name.name, table=source.name)
                    equality = exp.EQ(
                        this=left, expression=exp.column(name.name, table=joined.name)
                    )
                    equality.parent = join
                    yield equality
                    break

    def _where(self, scope: Scope) -> None:
        where = scope.node.args.get("where")
        if where is not None:
            scope.conditions += [Condition(c, "where") for c in conjuncts(where.this)]

    def _source(self, node: exp.Expr, scope: Scope, ctes: dict[str, Block | None]) -> Source:
        name = node.alias_or_name.lower()
        if isinstance(node, exp.Subquery):
            _rename(node)
            return Source(name, block=self._block(node, scope.parent, ctes), node=node)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            table = node.name.lower()
            if table in ctes and not node.db:
                return Source(name, block=ctes[table], node=node)
            return Source(name, table=self.catalog.get(table), node=node)
        return Source(name or f"_{len(scope.sources)}", node=node)

    def _subqueries(self, scope: Scope, ctes: dict[str, Block | None]) -> None:
        """Queries inside this scope's expressions, each a block of its own."""
        for node in scope.node.walk(prune=lambda n: id(n) in self._block_of):
            if node is scope.node or id(node) in self._block_of:
                continue
            if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
                self._block(node, scope, ctes)

    def _insert(self, node: exp.Insert, ctes: dict[str, Block | None]) -> None:
        into: Any = node.this
        table_node = into.this if isinstance(into, exp.Schema) else into
        names = [c.name.lower() for c in into.expressions] if isinstance(into, exp.Schema) else []
        table = self.catalog.get(table_node.name.lower())
        rows: list[tuple[Scope, list[exp.Expr]]] = []
        source = node.args.get("expression")
        target = self._scope(node, None)
        if isinstance(source, exp.Values):
            rows = [(target, list(row.expressions)) for row in source.expressions]
        elif isinstance(source, exp.Query):
            block = self._block(source, None, ctes)
            rows = [(branch, [e for _, e in branch.outputs]) for branch in block.branches]
        self.insertion = Insertion(table, tuple(names), rows, node)
        name = table_node.alias_or_name.lower()
        target.sources[name] = Source(name, table=table, node=table_node)
        # In ON CONFLICT the row that was to be inserted has a name too, but only with it in front.
        self._subqueries(target, ctes)
        self.target = target

    def _change(self, node: exp.Update | exp.Delete, ctes: dict[str, Block | None]) -> None:
        scope = self._scope(node, None)
        target = self._source(node.this, scope, ctes)
        scope.sources[target.name] = target
        self._from(scope, node.args.get("from_"), ctes)
        for using in node.args.get("using") or ():
            source = self._source(using, scope, ctes)
            scope.sources[source.name] = source
        self._where(scope)
        self._subqueries(scope, ctes)
        self.target = scope


def _rename(node: exp.Expr) -> None:
    """Give the columns of a query their names from behind it: ``AS name (column, ...)``."""
    alias = node.args.get("alias")
    names = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    select: exp.Expr = node
    while isinstance(select, exp.Subquery | exp.SetOperation | exp.CTE):
        select = select.this
    for expression, name in zip(list(select.expressions), names or (), strict=False):
        expression.replace(exp.alias_(expression.unalias().copy(), name.name))

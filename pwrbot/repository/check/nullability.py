"""Whether a result column can be NULL, from the syntax tree: what is not known can.

Plans would mislead here: they change with the statistics, and an outer join may stand either way
round in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sqlglot import exp

from pwrbot.repository.check.scopes import Block, Scope, Term, conjuncts
from pwrbot.repository.check.tree import Tree

Known = frozenset[Term]
"""Columns that are not NULL where a row got this far."""

_PLAIN: Final = (
    exp.Paren, exp.Alias, exp.Cast, exp.Neg, exp.Not, exp.And, exp.Or, exp.Xor,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Like, exp.ILike,
    exp.Add, exp.Sub, exp.Mul, exp.DPipe, exp.Concat, exp.Lower, exp.Upper, exp.Length, exp.Abs,
    exp.Trim, exp.Round, exp.Ceil, exp.Floor, exp.Substring, exp.StrPosition, exp.Tuple,
)  # fmt: skip
"""NULL only where one of their operands is."""
_NEVER: Final = (
    exp.Literal, exp.Boolean, exp.Is, exp.Exists, exp.Count, exp.RowNumber, exp.Rank,
    exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip
_AGGREGATES: Final = (
    exp.Sum, exp.Min, exp.Max, exp.Avg, exp.GroupConcat, exp.LogicalAnd, exp.LogicalOr
)  # fmt: skip
"""NULL where they meet no row, or only NULL."""
_COMPARISONS: Final = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Between, exp.In
)  # fmt: skip
"""True only where none of their operands is NULL."""


class Nullability:
    """Answers for one statement; ``parameters`` says which of them may be None."""

    def __init__(self, tree: Tree, parameters: Mapping[str, bool]) -> None:
        self._tree = tree
        self._parameters = parameters
        self._blocks: dict[int, dict[str, bool]] = {}

    def outputs(self) -> dict[str, bool]:
        """Each result column of the statement: whether it can be NULL."""
        if self._tree.result:
            return self._of_block(self._tree.result)
        target = self._tree.target
        known: Known = _known(self._tree, target) if target else frozenset()
        if isinstance(self._tree.node, exp.Update):
            # The conditions are about the row before, RETURNING about the row after.
            changed = {assigned.this.name.lower() for assigned in self._tree.node.expressions}
            known = frozenset(term for term in known if term[1] not in changed)
        return {name: self.of(expression, target, known) for name, expression in self._tree.outputs}

    def of(self, node: exp.Expr, scope: Scope | None, known: Known = frozenset()) -> bool:
        """Whether an expression in this scope can be NULL."""
        if isinstance(node, _NEVER):
            return False
        if isinstance(node, exp.Placeholder):
            return self._parameters.get(node.name, True)
        if isinstance(node, exp.Column):
            return self._of_column(node, scope, known)
        if isinstance(node, _PLAIN):
            return any(self.of(child, scope, known) for child in _operands(node))
        if isinstance(node, exp.Coalesce):
            return all(self.of(child, scope, known) for child in _operands(node))
        if isinstance(node, exp.Case):
            return self._of_case(node, scope, known)
        if isinstance(node, exp.Div | exp.Mod | exp.IntDiv):
            by_zero = not (isinstance(node.expression, exp.Literal) and node.expression.name != "0")
            return by_zero or self.of(node.this, scope, known)
        if isinstance(node, exp.In):
            return self._of_in(node, scope, known)
        if isinstance(node, exp.Window):
            return self._of_window(node, scope, known)
        if isinstance(node, _AGGREGATES):
            grouped = scope is not None and bool(scope.groups)
            return not grouped or self.of(node.this, scope, known)
        if isinstance(node, exp.Subquery | exp.Select):
            return self._of_subquery(node)
        return True

    def _of_block(self, block: Block) -> dict[str, bool]:
        found = self._blocks.get(id(block))
        if found is None:
            # A column of several SELECTs goes by its place; NULL in one is enough.
            branches = [self._of_scope(branch) for branch in block.branches]
            places = zip(*branches, strict=False)
            found = {n: any(c) for n, c in zip(block.columns, places, strict=False)}
            self._blocks[id(block)] = found
        return found

    def _of_scope(self, scope: Scope) -> list[bool]:
        known = _known(self._tree, scope)
        if _makes_nulls(scope):
            return [True for _ in scope.outputs]
        return [self.of(expression, scope, known) for _, expression in scope.outputs]

    def _of_column(self, node: exp.Column, scope: Scope | None, known: Known) -> bool:
        source = scope.source_of(node) if scope else None
        name = node.name.lower()
        if source is None:
            return True
        if source.term(name) in known:
            return False
        if source.optional:
            return True
        if source.table:
            return name not in source.table.columns or source.table.columns[name].nullable
        return source.block is None or self._of_block(source.block).get(name, True)

    def _of_case(self, node: exp.Case, scope: Scope | None, known: Known) -> bool:
        if node.args.get("default") is None:
            return True
        if self.of(node.args["default"], scope, known):
            return True
        for branch in node.args["ifs"]:
            told = known
            if node.this is None and scope is not None:
                told |= _told_by(self._tree, branch.this)
            if self.of(branch.args["true"], scope, told):
                return True
        return False

    def _of_in(self, node: exp.In, scope: Scope | None, known: Known) -> bool:
        query = node.args.get("query")
        block = self._tree.block_at(query) if query is not None else None
        within = block is None or any(self._of_block(block).values())
        if query is None:
            # A list of one parameter is an array, whose elements are never None.
            within = any(
                not isinstance(one, exp.Placeholder) and self.of(one, scope, known)
                for one in node.expressions
            )
        return within or self.of(node.this, scope, known)

    def _of_window(self, node: exp.Window, scope: Scope | None, known: Known) -> bool:
        function = node.this
        if isinstance(function, _NEVER):
            return False
        if isinstance(function, (*_AGGREGATES, exp.FirstValue, exp.LastValue)):
            # The frame has the row itself in it, unless somebody says otherwise, here or elsewhere.
            otherwise = node.args.get("spec") is not None or node.args.get("alias") is not None
            return otherwise or self.of(function.this, scope, known)
        return True

    def _of_subquery(self, node: exp.Expr) -> bool:
        """NULL where it finds no row, and only an aggregate without GROUP BY always gives one."""
        block = self._tree.block_at(node)
        if block is None or len(block.branches) != 1:
            return True
        select = block.branches[0]
        sure = select.groups == [] and select.node.args.get("having") is None
        always = sure or (not select.sources and not select.conditions)
        return not always or block.limit is not None or any(self._of_block(block).values())


def _known(tree: Tree, scope: Scope) -> Known:
    """What the conditions of a scope leave no NULL in."""
    found: set[Term] = set()
    for condition in scope.conditions:
        if condition.origin == "outer join":
            continue
        for term in _told_by(tree, condition.expression):
            optional = any(id(s) == term[0] and s.optional for s in scope.sources.values())
            if condition.origin == "where" or not optional:
                found.add(term)
    return frozenset(found)


def _told_by(tree: Tree, condition: exp.Expr) -> Known:
    """The columns that are not NULL where this is true."""
    found: set[Term] = set()
    for part in conjuncts(condition):
        if isinstance(part, exp.Not) and isinstance(part.this.unnest(), exp.Is):
            operands = [part.this.unnest().this] if _is_null(part.this.unnest()) else []
        elif isinstance(part, exp.Is):
            operands = [part.this] if _is_null(part) and part.args.get("negate") else []
        elif isinstance(part, _COMPARISONS):
            operands = [part.this, part.args.get("expression")]
        else:
            operands = []
        for operand in operands:
            if operand is not None:
                found.update(_strict_terms(tree, operand))
    return frozenset(found)


def _strict_terms(tree: Tree, node: exp.Expr) -> Iterator[Term]:
    """Columns whose NULL would make the whole NULL."""
    node = node.unnest()
    if (term := tree.term_of(node)) is not None:
        yield term
    elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Neg):
        for child in _operands(node):
            yield from _strict_terms(tree, child)


def _makes_nulls(scope: Scope) -> bool:
    """Whether its GROUP BY adds rows of subtotals, whose other columns are NULL."""
    group = scope.node.args.get("group")
    return group is not None and group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is not None


def _is_null(node: exp.Expr) -> bool:
    return isinstance(node.args.get("expression"), exp.Null)


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    return (n for n in node.iter_expressions() if not isinstance(n, exp.DataType | exp.Identifier))

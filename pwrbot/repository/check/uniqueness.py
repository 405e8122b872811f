"""Whether an ORDER BY is total: whether it alone decides which rows a LIMIT keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Final

from sqlglot import exp

from pwrbot.repository.check.scopes import Block, Condition, Scope, Source, Term
from pwrbot.repository.check.tree import Tree

Terms = frozenset[Term]

_COMBINATIONS: Final = 32
"""How many ways to identify a row of a join are tried."""


class Uniqueness:
    """Answers for one statement."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._keys: dict[int, list[frozenset[str]]] = {}

    def is_total(self, block: Block) -> bool:
        """Whether rows that are equal in what is ordered by are equal altogether, or the same."""
        order = [item.unnest() for item in block.order]
        if len(block.branches) != 1:
            names = {item.name.lower() for item in order if isinstance(item, exp.Column)}
            return names.issuperset(block.columns)
        scope = block.branches[0]
        outputs = dict(scope.outputs)
        items = [_resolved(item, outputs) for item in order]
        texts = {item.sql() for item in items}
        start = {term for item in items if (term := self._tree.term_of(item)) is not None}
        known = self._determined(scope, frozenset(start))

        def given(expression: exp.Expr) -> bool:
            return expression.unnest().sql() in texts or self._follows(scope, expression, known)

        groups = scope.groups
        if groups is not None:
            return all(given(_resolved(group, outputs)) for group in groups)
        if all(self._is_one_row(source, known) for source in scope.sources.values()):
            return True
        plain = [e for e in outputs.values() if not e.find(exp.Window)]
        return len(plain) == len(outputs) and all(given(e) for e in plain)

    def keys_of(self, block: Block) -> list[frozenset[str]]:
        """Sets of its columns that no two of its rows agree in."""
        if id(block) not in self._keys:
            self._keys[id(block)] = []  # a block that refers to itself has none
            self._keys[id(block)] = list(self._find_keys(block))
        return self._keys[id(block)]

    def _find_keys(self, block: Block) -> Iterator[frozenset[str]]:
        limit = block.node.args.get("limit")
        count = limit.expression if limit is not None else None
        if isinstance(count, exp.Literal) and count.name in ("0", "1"):
            yield frozenset()
        if len(block.branches) != 1:
            if block.distinct:
                yield frozenset(block.columns)
            return
        scope = block.branches[0]
        outputs = dict(scope.outputs)
        if scope.node.args.get("distinct"):
            yield frozenset(outputs)
        for name, expression in outputs.items():
            if _numbers_rows(expression):
                yield frozenset((name,))
        groups = scope.groups
        if groups is not None:
            names = [_name_of(_resolved(group, outputs), outputs) for group in groups]
            if None not in names:
                yield frozenset(name for name in names if name is not None)
            return
        options = [self._source_keys(source) for source in scope.sources.values()]
        for choice in islice(product(*options), _COMBINATIONS):
            terms = self._reduced(scope, frozenset(term for key in choice for term in key))
            named = [self._output_for(scope, term) for term in terms]
            if None not in named:
                yield frozenset(name for name in named if name is not None)

    def _source_keys(self, source: Source) -> list[Terms]:
        keys: Iterable[frozenset[str]] = ()
        if source.table:
            keys = source.table.unique
        elif source.block:
            keys = self.keys_of(source.block)
        return [frozenset(source.term(name) for name in key) for key in keys]

    def _is_one_row(self, source: Source, known: Terms) -> bool:
        return any(key <= known for key in self._source_keys(source))

    def _reduced(self, scope: Scope, terms: Terms) -> Terms:
        """Those of the terms that the others do not decide."""
        for term in sorted(terms):
            if term in self._determined(scope, terms - {term}):
                terms -= {term}
        return terms

    def _output_for(self, scope: Scope, term: Term) -> str | None:
        """A result column that decides this term."""
        for name, expression in scope.outputs:
            own = self._tree.term_of(expression)
            if own is not None and (
                own == term or term in self._determined(scope, frozenset((own,)))
            ):
                return name
        return None

    def _determined(self, scope: Scope, start: Terms) -> Terms:
        """All columns that cannot differ between two rows that agree in these."""
        known = set(start)
        while True:
            before = len(known)
            for condition in scope.conditions:
                known.update(self._equated(scope, condition, frozenset(known)))
            for source in scope.sources.values():
                if self._is_one_row(source, frozenset(known)):
                    known.update(source.term(name) for name in source.columns)
            if len(known) == before:
                return frozenset(known)

    def _equated(self, scope: Scope, condition: Condition, known: Terms) -> Iterator[Term]:
        """What an equation with something known makes known."""
        if not isinstance(condition.expression, exp.EQ):
            return
        left, right = condition.expression.this, condition.expression.expression
        for one, other in ((left, right), (right, left)):
            term = self._tree.term_of(one)
            if term is None or not self._follows(scope, other, known):
                continue
            joined = condition.joined
            if joined is None or (term[0] == id(joined) and self._matches(scope, joined, known)):
                yield term

    def _matches(self, scope: Scope, joined: Source, known: Terms) -> bool:
        """Whether an outer join finds its rows by what is known alone.

        It says nothing of the rows that are there anyway, and all of its conditions together decide
        whether one finds a match.
        """
        for condition in scope.conditions:
            if condition.joined is joined:
                for column in condition.expression.find_all(exp.Column):
                    source = self._tree.source_of(column)
                    own = source is not None and (source is joined or not scope.owns(source))
                    if not own and self._tree.term_of(column) not in known:
                        return False
        return True

    def _follows(self, scope: Scope, expression: exp.Expr, known: Terms) -> bool:
        """Whether its value is the same in rows that agree in what is known."""
        for column in expression.find_all(exp.Column):
            source = self._tree.source_of(column)
            if source is None:
                return False
            if scope.owns(source) and source.term(column.name.lower()) not in known:
                return False
        return True


def _resolved(item: exp.Expr, outputs: dict[str, exp.Expr]) -> exp.Expr:
    """What an item of ORDER BY or GROUP BY stands for: an alias, a place, or itself."""
    if isinstance(item, exp.Column) and not item.table and item.name.lower() in outputs:
        return outputs[item.name.lower()].unnest()
    if isinstance(item, exp.Literal) and item.name.isdigit():
        place = int(item.name) - 1
        if 0 <= place < len(outputs):
            return list(outputs.values())[place].unnest()
    return item.unnest()


def _name_of(expression: exp.Expr, outputs: dict[str, exp.Expr]) -> str | None:
    text = expression.sql()
    return next((name for name, e in outputs.items() if e.unnest().sql() == text), None)


def _numbers_rows(expression: exp.Expr) -> bool:
    """Whether it is ROW_NUMBER() over all rows."""
    return (
        isinstance(expression, exp.Window)
        and isinstance(expression.this, exp.RowNumber)
        and not expression.args.get("partition_by")
    )

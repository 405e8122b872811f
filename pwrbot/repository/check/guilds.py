"""Whether a statement stays within the guild it is told: no other guild's row is read or changed.

A guild's table is one whose primary key begins with guild_id. Wherever it stands in a FROM, an
UPDATE or a DELETE, its guild_id must be equal to a parameter, directly or through other columns.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pwrbot.repository.check.catalog import GUILD
from pwrbot.repository.check.scopes import Block, Insertion, Scope, Source, Term, conjuncts
from pwrbot.repository.check.tree import Tree


class Guilds:
    """Answers for one statement."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._fixed: dict[int, frozenset[Term]] = {}

    def left_open(self) -> Iterator[tuple[str, exp.Expr]]:
        """The guilds' tables whose guild_id is any guild's, and where they stand."""
        for scope in self._tree.scopes:
            if self._tree.insertion and scope is self._tree.target:
                continue
            fixed = self._fixed_in(scope)
            for source in scope.sources.values():
                if source.table and source.table.of_guild and source.term(GUILD) not in fixed:
                    yield source.table.name, source.node or scope.node
        insertion = self._tree.insertion
        if insertion and insertion.table and self._puts_anywhere(insertion):
            yield insertion.table.name, insertion.node.this

    def _puts_anywhere(self, insertion: Insertion) -> bool:
        """Whether a row may go into a guild's table without its guild being told."""
        if insertion.table is None or not insertion.table.of_guild:
            return False
        if GUILD not in insertion.columns:
            return True
        place = insertion.columns.index(GUILD)
        return not all(
            place < len(row) and self._is_told(row[place], self._fixed_in(scope))
            for scope, row in insertion.rows
        )

    def _fixed_in(self, scope: Scope) -> frozenset[Term]:
        """Columns that are equal to what the caller tells, in every row of the scope."""
        if id(scope) not in self._fixed:
            self._fixed[id(scope)] = frozenset()  # a scope that refers to itself fixes nothing
            known: set[Term] = set(self._fixed_in(scope.parent)) if scope.parent else set()
            for source in scope.sources.values():
                known.update(self._fixed_by(source))
            while True:
                before = len(known)
                for condition in scope.conditions:
                    only = condition.joined
                    for term in self._told_by(condition.expression, frozenset(known)):
                        if only is None or term[0] == id(only):
                            known.add(term)
                if len(known) == before:
                    break
            self._fixed[id(scope)] = frozenset(known)
        return self._fixed[id(scope)]

    def _fixed_by(self, source: Source) -> Iterator[Term]:
        """What a derived table has fixed within."""
        if source.block:
            for place, name in enumerate(source.block.columns):
                if self._is_fixed_column(source.block, place):
                    yield source.term(name)

    def _is_fixed_column(self, block: Block, place: int) -> bool:
        return all(
            place < len(branch.outputs)
            and self._is_told(branch.outputs[place][1], self._fixed_in(branch))
            for branch in block.branches
        )

    def _told_by(self, condition: exp.Expr, known: frozenset[Term]) -> Iterator[Term]:
        """The columns that this condition makes equal to what is told."""
        if isinstance(condition, exp.EQ):
            for one, other in (
                (condition.this, condition.expression),
                (condition.expression, condition.this),
            ):
                if self._is_told(other, known) and (term := self._tree.term_of(one)):
                    yield term
        elif isinstance(condition, exp.In):
            yield from self._told_by_list(condition)
        elif isinstance(condition, exp.Or):
            sides = [
                {t for part in conjuncts(side) for t in self._told_by(part.unnest(), known)}
                for side in (condition.this.unnest(), condition.expression.unnest())
            ]
            yield from sides[0] & sides[1]

    def _told_by_list(self, condition: exp.In) -> Iterator[Term]:
        """IN a list the caller gave, or rows made of nothing but parameters."""
        query = condition.args.get("query")
        block = self._tree.block_at(query) if query is not None else None
        if query is None:
            told = all(self._is_told(one, frozenset()) for one in condition.expressions)
        else:
            told = block is not None and not any(
                source.table or source.block
                for branch in block.branches
                for source in branch.sources.values()
            )
        if told:
            this = condition.this.unnest()
            columns = this.expressions if isinstance(this, exp.Tuple) else [this]
            for column in columns:
                if (term := self._tree.term_of(column)) is not None:
                    yield term

    def _is_told(self, value: exp.Expr, known: frozenset[Term]) -> bool:
        """Whether a value is a guild that the caller named."""
        value = value.unalias().unnest()
        if isinstance(value, exp.Placeholder):
            return "guild" in value.name
        term = self._tree.term_of(value)
        return term is not None and term in known

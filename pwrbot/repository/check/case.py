"""One statement on one engine, and what the rules ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from sqlglot import exp

from pwrbot.repository.check.catalog import Catalog
from pwrbot.repository.check.findings import Finding
from pwrbot.repository.check.guilds import Guilds
from pwrbot.repository.check.nullability import Nullability
from pwrbot.repository.check.scopes import line_of
from pwrbot.repository.check.tree import Tree, Unparsable
from pwrbot.repository.engine.describe import Description, Refusal
from pwrbot.repository.queries import MACRO, EngineName
from pwrbot.repository.statement import Statement, ordered_tokens


class Case:
    """A statement, the schema it meets, and what the engine said of it."""

    def __init__(
        self,
        statement: Statement,
        engine: EngineName,
        catalog: Catalog,
        described: Description | Refusal | None,
    ) -> None:
        self.statement = statement
        self.engine: EngineName = engine
        self.catalog = catalog
        self.described = described
        """None where no engine was there to ask."""
        self.tree: Tree | None = None
        self.not_understood = ""
        try:
            tokens = ordered_tokens(statement.query, statement.order)
            self.tree = Tree("".join(token.text for token in tokens), engine, catalog)
        except Unparsable as error:
            self.not_understood = str(error)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.statement.query.shape.columns

    @cached_property
    def nullable(self) -> Mapping[str, bool]:
        """Each result column: whether it can be NULL, whatever its header says."""
        if self.tree is None:
            return dict.fromkeys(self.columns, True)
        optional = {name: kind.optional for name, kind in self.statement.parameters.items()}
        found = Nullability(self.tree, optional).outputs()
        return {column: found.get(column.lower(), True) for column in self.columns}

    @property
    def is_macro(self) -> bool:
        """Whether its text is made once for every table."""
        return self.statement.query.path.name.startswith(f"{MACRO}.")

    @property
    def repeats(self) -> bool:
        """Whether what is wrong with its columns is told by the table's ``select`` already."""
        return self.is_macro and self.statement.query.name != "select"

    @cached_property
    def scanned(self) -> frozenset[str]:
        """The tables that are read from end to end."""
        if not isinstance(self.described, Description):
            return frozenset()
        return frozenset(table for name in self.described.scans for table in self._tables(name))

    def _tables(self, name: str) -> Iterator[str]:
        """The tables that go by this name somewhere in the statement."""
        for scope in self.tree.scopes if self.tree else ():
            source = scope.sources.get(name.lower())
            if source and source.table:
                yield source.table.name
        if name in self.catalog:
            yield name

    @cached_property
    def open_tables(self) -> Mapping[str, exp.Expr]:
        """The guilds' tables whose guild is left open, and where."""
        return dict(Guilds(self.tree).left_open()) if self.tree else {}

    def used_directives(self) -> Iterator[str]:
        """The exceptions of the header that this statement needs, as they are written."""
        directives = self.statement.query.directives
        for column in directives.notnull:
            if self.nullable.get(column):
                yield f"notnull {column}"
        for table in directives.scans:
            if table in self.scanned:
                yield f"scan {table}"
        if directives.crosses_guilds and self.open_tables:
            yield "crosses guilds"

    def finding(self, message: str, at: exp.Expr | int | None = None) -> Finding:
        """At a line of the statement's text, or where a node of its tree is; else at its header."""
        query = self.statement.query
        line = query.line
        # The lines of a macro's text are those of its expansion, which is in no file.
        if at is not None and not self.is_macro:
            line = query.body_line + (at if isinstance(at, int) else line_of(at))
        return Finding(query.path, line, self.statement.name, self.engine, message)

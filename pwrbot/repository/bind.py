"""Ties declared methods to named SQL, once, at start-up, and tells everything that does not fit."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import partial
from typing import Final, Literal

import msgspec

from pwrbot.repository.calls import NO_ORDER, bound_method
from pwrbot.repository.crud import (
    key_columns,
    key_lists,
    keys_as_json_rows,
    macro_problems,
    values_at,
)
from pwrbot.repository.declared import Method, entity_of, is_struct, methods_of, place_of, returned
from pwrbot.repository.errors import Problem, QueryFileError
from pwrbot.repository.queries import EngineName, Kind, Query, QueryFiles, expand_macro
from pwrbot.repository.statement import (
    NO_ROWS,
    Decoder,
    Statement,
    hidden_table,
    row_decoder,
    sql_text,
    value_decoder,
)
from pwrbot.repository.table import CRUD, BoundTable, Crud, EntityShape, entity_shape
from pwrbot.repository.types import ColumnType, column_type, result_type

RESERVED: Final = CRUD | {"crud", "executor"}
"""Names that every table has."""


class Bound(msgspec.Struct, frozen=True):
    """All tables of a repository, ready for one engine."""

    engine: EngineName
    tables: Mapping[str, type[BoundTable]]
    statements: tuple[Statement, ...]


def bind(tables: type, files: QueryFiles, engine: EngineName, *, schema: str = "pwrbot") -> Bound:
    """Make the classes behind the table attributes of ``tables``.

    Raises QueryFileError with every mismatch there is: a method without SQL, SQL without a
    method, parameters, kinds, result columns and types that differ.
    """
    bound, problems = bind_what_fits(tables, files, engine, schema=schema)
    if problems:
        raise QueryFileError(problems)
    return bound


def bind_what_fits(
    tables: type, files: QueryFiles, engine: EngineName, *, schema: str
) -> tuple[Bound, list[Problem]]:
    """The same for whoever goes on with what fits: that, and all that does not."""
    hints = typing.get_type_hints(tables)
    binder = _Binder(files, engine, schema, frozenset(hints))
    classes = {name: binder.table(name, shape) for name, shape in hints.items()}
    binder.files_without_table()
    return Bound(engine, classes, tuple(binder.statements)), binder.problems


class _Binder:
    """Collects statements and problems while the tables are bound."""

    def __init__(
        self, files: QueryFiles, engine: EngineName, schema: str, tables: frozenset[str]
    ) -> None:
        self.problems: list[Problem] = []
        self.statements: list[Statement] = []
        self._files = files
        self._engine: EngineName = engine
        self._schema = schema
        self._tables = tables

    def table(self, name: str, declared: type) -> type[BoundTable]:
        """The class behind one table attribute."""
        try:
            shape = entity_shape(entity_of(declared), self._engine)
            methods = {method.name: method for method in methods_of(declared)}
        except (TypeError, NameError) as error:  # NameError: imported for type checkers only
            path, line = place_of(declared)
            self.problems.append(Problem(path, line, f"{name}: {error}"))
            return BoundTable
        members: dict[str, object] = {"__slots__": (), "__doc__": declared.__doc__}
        try:
            members["crud"] = self._crud(name, shape)
        except QueryFileError as error:
            self.problems += error.problems
        everywhere = self._files.queries[self._engine].values()
        queries = {query.name: query for query in everywhere if query.module == name}
        for method in methods.values():
            query = queries.pop(method.name, None)
            if method.name in RESERVED:
                self.problems.append(
                    method.problem(name, "every table has this name already; choose another")
                )
            elif query:
                members[method.name] = self._method(query, method)
            else:
                self.problems.append(
                    method.problem(name, f"no query of this name in sql/queries/{name}.sql")
                )
        for query in queries.values():
            message = f"no method of this name in {declared.__name__}"
            if query.name in RESERVED:
                message = "every table has this name already; rename the query"
            self.problems.append(query.problem(message))
        return type(declared.__name__, (BoundTable,), members)

    def files_without_table(self) -> None:
        """Note each .sql file that belongs to no table."""
        modules: dict[str, Query] = {}
        for query in self._files.queries[self._engine].values():
            modules.setdefault(query.module, query)
        for module in modules.keys() - self._tables:
            self.problems.append(
                modules[module].problem(f"the repository has no table attribute {module!r}")
            )

    def _crud(self, table: str, shape: EntityShape) -> Crud:
        macro = self._files.macro[self._engine]
        queries = expand_macro(macro, table, shape.places(table))
        if problems := list(macro_problems(macro, queries.values())):
            raise QueryFileError(problems)
        if shape.generated:
            del queries[f"{table}.replace"]
        statements: dict[str, Statement] = {}
        for query in queries.values():
            parameters = shape.parameters(query.shape.parameters)
            if query.name == "select_many":
                parameters = key_lists(shape, self._engine)
            if unknown := set(query.shape.parameters) - set(parameters):
                raise QueryFileError([query.problem(f"no column for :{min(unknown)}")])
            decoder = NO_ROWS
            if query.kind is Kind.VALUE:
                decoder = value_decoder(query, column_type(int, self._engine))
            elif query.shape.columns:
                decoder = row_decoder(query, self._engine, shape.fields, shape.entity)
            statements[query.name] = self._statement(query, parameters, decoder)
        order = list(shape.fields)
        return Crud(
            shape=shape,
            statements=statements,
            values={
                name: values_at([order.index(field) for field in statement.parameters])
                for name, statement in statements.items()
                if name in ("insert", "insert_many", "update", "replace")
            },
            keys=partial(
                keys_as_json_rows if self._engine == "sqlite" else key_columns,
                table,
                len(shape.key),
            ),
        )

    def _statement(
        self,
        query: Query,
        parameters: Mapping[str, ColumnType],
        decoder: Decoder,
        order: str | None = None,
    ) -> Statement:
        if hidden := hidden_table(query, self._tables):
            self.problems.append(
                query.problem(f"WITH {hidden} hides the table of that name: choose another name")
            )
        sql = sql_text(
            query,
            self._engine,
            parameters,
            order=order,
            schema=self._schema if self._engine == "postgres" else "",
            tables=self._tables,
        )
        statement = Statement(query, sql, parameters, decoder, order)
        self.statements.append(statement)
        return statement

    def _method(self, query: Query, method: Method) -> object:
        """The function behind a declared method, or None where it does not fit its query."""
        before = len(self.problems)
        if not method.is_async and query.kind is not Kind.STREAM:
            self.problems.append(method.problem(query.module, "is awaited: write async def"))
        declared = dict(method.parameters)
        orders = self._orders(query, method, declared.pop("order", None))
        parameters = self._parameters(query, method, declared)
        decoder = self._decoder(query, method)
        if len(self.problems) > before or decoder is None:
            return None
        statements = {
            order: self._statement(query, parameters, decoder, text_of)
            for order, text_of in orders.items()
        }
        return bound_method(method, query.kind, tuple(parameters), statements)

    def _orders(self, query: Query, method: Method, annotation: object) -> dict[str, str | None]:
        """The orderings by the names the method has for them; None is the text's own."""
        extra = query.directives.orders
        if annotation is None and not extra:
            return {NO_ORDER: None}
        own = method.defaults.get("order")
        names = typing.get_args(annotation) if typing.get_origin(annotation) is Literal else ()
        if not isinstance(own, str) or set(names) != {own, *extra} or own in extra:
            listed = ", ".join(repr(name) for name in extra)
            self.problems.append(
                method.problem(
                    query.module,
                    "needs a parameter order: Literal[...] of its default, which names the order "
                    f"the text has, and those of the .sql file ({listed or 'none'})",
                )
            )
            return {}
        return {own: None, **{name: name for name in extra}}

    def _parameters(
        self, query: Query, method: Method, declared: Mapping[str, object]
    ) -> dict[str, ColumnType]:
        """The types of the query's parameters, from the signature."""
        found: dict[str, ColumnType] = {}
        for name in query.shape.parameters:
            if name not in declared:
                self.problems.append(query.problem(f":{name} is no parameter of the method"))
                continue
            try:
                kind = column_type(declared[name], self._engine)
            except TypeError as error:
                self.problems.append(method.problem(query.module, f"parameter {name}: {error}"))
                continue
            if name in query.shape.lists and not kind.is_list:
                self.problems.append(
                    query.problem(f"IN (:{name}) needs a list, the method says {kind.name}")
                )
            found[name] = kind
        for name in method.positional:
            self.problems.append(
                method.problem(query.module, f"parameter {name} is given by name: put it after *")
            )
        for name in declared.keys() - set(query.shape.parameters):
            self.problems.append(
                method.problem(query.module, f"parameter {name} does not occur in the SQL")
            )
        return found

    def _decoder(self, query: Query, method: Method) -> Decoder | None:
        """The decoder of what the method returns, where kind and columns fit."""
        kinds, item = returned(method.returns)
        if query.kind not in kinds:
            expected = " or ".join(f":{kind}" for kind in kinds)
            self.problems.append(
                query.problem(f"is :{query.kind}, the method's return type says {expected}")
            )
            return None
        columns = query.shape.columns
        if query.kind in (Kind.ROWS, Kind.EXEC):
            if columns:
                self.problems.append(query.problem(f"gives columns that :{query.kind} drops"))
            return NO_ROWS
        try:
            if is_struct(item):
                return self._row_decoder(query, item)
            kind = result_type(method.returns if query.kind is Kind.VALUE else item, self._engine)
        except (TypeError, NameError) as error:
            self.problems.append(method.problem(query.module, f"returns: {error}"))
            return None
        if len(columns) != 1:
            self.problems.append(
                query.problem(f"one column expected for {kind.name}, found {len(columns)}")
            )
        return value_decoder(query, kind)

    def _row_decoder(self, query: Query, row: type[msgspec.Struct]) -> Decoder | None:
        hints = typing.get_type_hints(row, include_extras=True)
        fields = {
            f.name: result_type(hints[f.name], self._engine) for f in msgspec.structs.fields(row)
        }
        columns = query.shape.columns
        surplus = [column for column in columns if column not in fields]
        missing = [field for field in fields if field not in columns]
        for column in surplus:
            self.problems.append(query.problem(f"{row.__name__} has no field {column}"))
        for field in missing:
            self.problems.append(
                query.problem(f"no column fills the field {field} of {row.__name__}")
            )
        return None if surplus or missing else row_decoder(query, self._engine, fields, row)

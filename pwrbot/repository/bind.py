"""Ties declared methods to named SQL, once, at start-up, and tells everything that does not fit."""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import FunctionType, NoneType
from typing import Any, Final, Literal, TypeGuard

import msgspec

from pwrbot.entities import Entity
from pwrbot.repository.errors import InvalidValue, Problem, QueryFileError
from pwrbot.repository.queries import (
    MACRO,
    Block,
    EngineName,
    Kind,
    Query,
    QueryFiles,
    expand_macro,
)
from pwrbot.repository.statement import (
    NO_ROWS,
    Decoder,
    Statement,
    row_decoder,
    sql_text,
    value_decoder,
)
from pwrbot.repository.table import (
    CRUD,
    BoundTable,
    Crud,
    EntityShape,
    Table,
    as_row,
    at_most_one,
    entity_shape,
    exactly_one,
)
from pwrbot.repository.types import ColumnType, column_type, is_optional, result_type

RESERVED: Final = CRUD | {"crud", "executor"}
"""Names that every table has."""

NO_ORDER: Final = ""
"""What stands for the only order of a method that does not let one choose."""


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


class _Method(msgspec.Struct, frozen=True):
    """A declared method: what it takes and returns."""

    name: str
    path: Path
    line: int
    parameters: Mapping[str, object]
    positional: Sequence[str]
    """Those of them that do not stand after ``*``; there should be none."""
    defaults: Mapping[str, object]
    returns: object

    def problem(self, table: str, message: str) -> Problem:
        return Problem(self.path, self.line, f"{table}.{self.name}: {message}")


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
        path, line = _place(declared)
        try:
            shape = entity_shape(_entity_of(declared), self._engine)
        except TypeError as error:
            self.problems.append(Problem(path, line, f"{name}: {error}"))
            return BoundTable
        members: dict[str, object] = {"__slots__": (), "__doc__": declared.__doc__}
        try:
            members["crud"] = self._crud(name, shape)
        except QueryFileError as error:
            self.problems += error.problems
        methods = {method.name: method for method in _methods(declared)}
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
        if problems := list(_macro_problems(macro, queries.values())):
            raise QueryFileError(problems)
        if shape.generated:
            del queries[f"{table}.replace"]
        statements: dict[str, Statement] = {}
        for query in queries.values():
            parameters = shape.parameters(query.shape.parameters)
            if query.name == "select_many":
                parameters = _key_lists(shape, self._engine)
            if unknown := set(query.shape.parameters) - set(parameters):
                raise QueryFileError([query.problem(f"no column for :{min(unknown)}")])
            decoder = NO_ROWS
            if query.kind is Kind.VALUE:
                decoder = value_decoder(query, column_type(int, self._engine))
            elif query.shape.columns:
                decoder = row_decoder(query, shape.fields, shape.entity)
            statements[query.name] = self._statement(query, parameters, decoder)
        order = list(shape.fields)
        return Crud(
            shape=shape,
            statements=statements,
            values={
                name: _pick([order.index(field) for field in statement.parameters])
                for name, statement in statements.items()
                if name in ("insert", "insert_many", "update", "replace")
            },
            keys=partial(_one_list if self._engine == "sqlite" else _lists, table, len(shape.key)),
        )

    def _statement(
        self,
        query: Query,
        parameters: Mapping[str, ColumnType],
        decoder: Decoder,
        order: str | None = None,
    ) -> Statement:
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

    def _method(self, query: Query, method: _Method) -> object:
        """The function behind a declared method, or None where it does not fit its query."""
        before = len(self.problems)
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
        return _function(method, query.kind, tuple(parameters), statements)

    def _orders(self, query: Query, method: _Method, annotation: object) -> dict[str, str | None]:
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
        self, query: Query, method: _Method, declared: Mapping[str, object]
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

    def _decoder(self, query: Query, method: _Method) -> Decoder | None:
        """The decoder of what the method returns, where kind and columns fit."""
        kinds, item = _returned(method.returns)
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
            if _is_struct(item):
                return self._row_decoder(query, item)
            kind = result_type(method.returns if query.kind is Kind.VALUE else item, self._engine)
        except TypeError as error:
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
        return None if surplus or missing else row_decoder(query, fields, row)


def _entity_of(declared: type) -> type[Entity]:
    for base in getattr(declared, "__orig_bases__", ()):
        if typing.get_origin(base) is Table:
            return typing.get_args(base)[0]
    raise TypeError("a table derives from Table[Entity, Key]")


def _methods(declared: type) -> Iterator[_Method]:
    for name, function in vars(declared).items():
        if not isinstance(function, FunctionType) or name.startswith("_"):
            continue
        hints = typing.get_type_hints(function)
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
        path, line = _place(function)
        yield _Method(
            name=name,
            path=path,
            line=line,
            parameters={p.name: hints.get(p.name, object) for p in own},
            positional=[p.name for p in own if p.kind is not p.KEYWORD_ONLY],
            defaults={p.name: p.default for p in own if p.default is not p.empty},
            returns=hints.get("return", object),
        )


def _place(declared: type | FunctionType) -> tuple[Path, int]:
    if isinstance(declared, FunctionType):
        return Path(declared.__code__.co_filename), declared.__code__.co_firstlineno
    try:
        return Path(inspect.getfile(declared)), inspect.getsourcelines(declared)[1]
    except (OSError, TypeError):
        return Path(declared.__module__), 1


def _is_struct(annotation: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _returned(annotation: Any) -> tuple[tuple[Kind, ...], Any]:
    """The kinds a return type stands for, and what one row is read into."""
    if annotation in (None, NoneType):
        return (Kind.EXEC,), None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return (Kind.MANY,), arguments[0]
    if origin is AsyncIterator:
        return (Kind.STREAM,), arguments[0]
    if is_optional(annotation):
        item = next(argument for argument in arguments if argument is not NoneType)
        if _is_struct(item):
            return (Kind.MAYBE,), item
        return (Kind.VALUE, Kind.MAYBE), item
    if annotation is int:
        return (Kind.VALUE, Kind.ROWS), int
    if _is_struct(annotation):
        return (Kind.ONE,), annotation
    return (Kind.VALUE,), annotation


def _function(
    method: _Method, kind: Kind, names: tuple[str, ...], statements: Mapping[str, Statement]
) -> object:
    """The bound method: arguments by name in, what the kind promises out."""
    default = next(iter(statements))
    defaults = {name: value for name, value in method.defaults.items() if name != "order"}

    def chosen(arguments: dict[str, Any]) -> tuple[Statement, list[Any]]:
        statement = statements[default]
        if default != NO_ORDER and "order" in arguments:
            order = arguments.pop("order")
            if order not in statements:
                known = ", ".join(statements)
                raise InvalidValue(f"{statement.name}: order must be one of {known}")
            statement = statements[order]
        if defaults:
            arguments = defaults | arguments
        try:
            values = [arguments[name] for name in names]
        except KeyError as missing:
            raise TypeError(f"{statement.name}() needs {missing.args[0]}=...") from None
        if len(arguments) != len(names):
            unknown = ", ".join(sorted(arguments.keys() - set(names)))
            raise TypeError(f"{statement.name}() has no parameter {unknown}")
        return statement, statement.adapt(values)

    async def many(self: BoundTable, **arguments: Any) -> list[Any]:
        statement, values = chosen(arguments)
        return statement.decode(await self.executor.fetch(statement, values))

    async def one(self: BoundTable, **arguments: Any) -> Any:
        statement, values = chosen(arguments)
        rows = statement.decode(await self.executor.fetch(statement, values))
        return exactly_one(statement, rows)

    async def maybe(self: BoundTable, **arguments: Any) -> Any:
        statement, values = chosen(arguments)
        rows = statement.decode(await self.executor.fetch(statement, values))
        return at_most_one(statement, rows)

    async def rows(self: BoundTable, **arguments: Any) -> int:
        statement, values = chosen(arguments)
        return await self.executor.execute(statement, values)

    async def exec_(self: BoundTable, **arguments: Any) -> None:
        statement, values = chosen(arguments)
        await self.executor.execute(statement, values)

    async def stream(self: BoundTable, **arguments: Any) -> AsyncIterator[Any]:
        statement, values = chosen(arguments)
        async for row in self.executor.stream(statement, values):
            yield statement.decode((row,))[0]

    functions: dict[Kind, Any] = {
        Kind.MANY: many,
        Kind.ONE: one,
        Kind.VALUE: one,
        Kind.MAYBE: maybe,
        Kind.ROWS: rows,
        Kind.EXEC: exec_,
        Kind.STREAM: stream,
    }
    function = functions[kind]
    function.__name__ = method.name
    function.__doc__ = statements[default].query.description
    return function


def _pick(places: list[int]) -> Callable[[tuple[Any, ...]], Sequence[Any]]:
    """What takes the values at these places out of a row."""
    if len(places) == 1:
        place = places[0]
        return lambda row: (row[place],)
    return itemgetter(*places)


def _key_lists(shape: EntityShape, engine: EngineName) -> dict[str, ColumnType]:
    """The parameters of select_many: a JSON array of keys, or an array for each key column."""
    kinds = [shape.fields[column] for column in shape.key]

    def adapt_all(kind: ColumnType, values: Iterable[Any]) -> list[Any]:
        return list(map(kind.adapt, values))

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


def _one_list(table: str, width: int, keys: Iterable[Any]) -> Sequence[Any]:
    """select_many's values on SQLite: a single one, all the lists."""
    return (_lists(table, width, keys),)


def _lists(table: str, width: int, keys: Iterable[Any]) -> Sequence[Any]:
    """select_many's values on PostgreSQL: a list for each column of the key."""
    if width == 1:
        return [list(keys)]
    rows = [as_row(key) for key in keys]
    if any(len(row) != width for row in rows):
        raise InvalidValue(f"{table}.select_many: each key must have {width} values")
    return list(zip(*rows, strict=True)) if rows else [[] for _ in range(width)]


def _macro_problems(macro: Sequence[Block], queries: Iterable[Query]) -> Iterator[Problem]:
    """The macro holds exactly the statements that ``Crud`` runs."""
    found = {query.name: query for query in queries}
    path = macro[0].path if macro else Path(f"{MACRO}.sql")
    for name in CRUD - found.keys():
        yield Problem(path, 1, f"the CRUD macro lacks the query {name}")
    for name in found.keys() - CRUD:
        yield found[name].problem("is not one of the CRUD macro's queries")

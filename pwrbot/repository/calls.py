"""The functions behind declared methods: arguments by name in, what the kind promises out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from pwrbot.repository.declared import Method
from pwrbot.repository.errors import InvalidValue
from pwrbot.repository.queries import Kind
from pwrbot.repository.statement import Statement
from pwrbot.repository.table import BoundTable, at_most_one, exactly_one

NO_ORDER: Final = ""
"""What stands for the only order of a method that does not let one choose."""


def bound_method(
    method: Method, kind: Kind, names: tuple[str, ...], statements: Mapping[str, Statement]
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

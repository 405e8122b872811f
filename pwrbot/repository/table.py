"""``Table``: the CRUD methods every table has, and what runs them.

A table is declared as a Protocol that derives from ``Table[Entity, Key]``; ``bind.py`` makes the
class behind it. Key is the type of the key column, or a tuple of them in the entity's order.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol, TypeGuard, TypeVar

import msgspec

from pwrbot.entities import GENERATED, KEY, Entity
from pwrbot.repository.engine import Executor
from pwrbot.repository.errors import NoResult, TooManyResults
from pwrbot.repository.queries import EngineName
from pwrbot.repository.statement import Statement
from pwrbot.repository.types import ColumnType, result_type

E = TypeVar("E", bound=Entity)
K = TypeVar("K", contravariant=True)


class Table(Protocol[E, K]):
    """One table: rows are entities, found by their key.

    All methods raise DatabaseError: InvalidValue for a value the database could not give back
    equal, ConstraintViolation for one that breaks a rule of the schema, DatabaseBusy and
    DatabaseUnavailable where it could not answer.
    """

    async def select_all(self) -> list[E]:
        """Every row, in the order of the key."""
        ...

    async def select(self, key: K) -> E | None:
        """The row with this key, or None."""
        ...

    async def select_many(self, keys: Iterable[K]) -> list[E]:
        """The rows with these keys, in the order of the key; one without a row is passed over."""
        ...

    async def insert(self, entity: E) -> E:
        """Add a row and give it back as stored, a generated key filled in."""
        ...

    async def insert_many(self, entities: Iterable[E]) -> int:
        """Add many rows, all or none, and say how many."""
        ...

    async def update(self, entity: E) -> bool:
        """Change the row with this entity's key; False where there is none."""
        ...

    async def delete(self, key: K) -> bool:
        """Remove the row with this key; False where there is none."""
        ...

    async def replace(self, entity: E) -> E:
        """Add the row, or change the one with its key; rows that refer to it survive.

        Where the database hands out the keys, an entity that has one must be there: NoResult.
        """
        ...

    async def count(self) -> int:
        """How many rows there are."""
        ...


class EntityShape(msgspec.Struct, frozen=True):
    """An entity class as the columns of a table."""

    entity: type[Entity]
    fields: Mapping[str, ColumnType]
    key: tuple[str, ...]
    generated: bool
    """Whether the database hands out the key."""

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns an INSERT names."""
        return tuple(f for f in self.fields if not (self.generated and f in self.key))

    def places(self, table: str) -> dict[str, str]:
        """What fills the places of sql/queries/table.sql."""
        rest = [field for field in self.fields if field not in self.key] or [self.key[0]]
        return {
            "table": table,
            "columns": ",\n    ".join(self.fields),
            "key": ", ".join(self.key),
            "where": " AND ".join(f"{column} = :{column}" for column in self.key),
            "stored": ", ".join(self.stored),
            "values": ", ".join(f":{column}" for column in self.stored),
            "sets": ", ".join(f"{column} = :{column}" for column in rest),
            "excluded": ", ".join(f"{column} = excluded.{column}" for column in rest),
            "key_values": ", ".join(f"value ->> {place}" for place in range(len(self.key))),
            "values_of_keys": ", ".join(f":{column}" for column in self.key),
        }

    def parameters(self, names: Iterable[str]) -> dict[str, ColumnType]:
        """The types of those fields that are among the names, in the order of the fields."""
        wanted = set(names)
        return {field: kind for field, kind in self.fields.items() if field in wanted}


def entity_shape(entity: type[Entity], engine: EngineName) -> EntityShape:
    """Read an entity class. Raises TypeError for one that cannot be a table."""
    hints = typing.get_type_hints(entity, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    order = [field.name for field in msgspec.structs.fields(entity)]
    key = tuple(name for name in order if KEY in marks[name])
    generated = any(GENERATED in marks[name] for name in key)
    if not key:
        raise TypeError(f"{entity.__name__} has no Key[...] field")
    if generated and len(key) > 1:
        raise TypeError(f"{entity.__name__}: a Generated[...] key stands alone")
    return EntityShape(entity, {n: result_type(hints[n], engine) for n in order}, key, generated)


_CRUD = "select_all select select_many insert insert_many update delete replace count"
CRUD: Final = frozenset(_CRUD.split(" "))
"""The queries of sql/queries/table.sql, and the methods of Table."""


class Crud(msgspec.Struct, frozen=True):
    """The statements of one table, and how to fill them."""

    shape: EntityShape
    statements: Mapping[str, Statement]
    values: Mapping[str, Callable[[tuple[Any, ...]], Sequence[Any]]]
    """For a statement that takes an entity: its values out of all of the entity's."""
    keys: Callable[[Iterable[Any]], Sequence[Any]]
    """The values of select_many."""


class BoundTable:
    """A table whose methods run on one executor. Subclasses are made by ``bind.py``."""

    __slots__ = ("executor",)
    crud: ClassVar[Crud]

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    async def select_all(self) -> list[Any]:
        return await self._many("select_all", ())

    async def select(self, key: object) -> Any:
        statement = self.crud.statements["select"]
        rows = await self.executor.fetch(statement, statement.adapt(as_row(key)))
        return at_most_one(statement, statement.decode(rows))

    async def select_many(self, keys: Iterable[Any]) -> list[Any]:
        return await self._many("select_many", self.crud.keys(keys))

    async def insert(self, entity: Entity) -> Any:
        return await self._one("insert", entity)

    async def insert_many(self, entities: Iterable[Entity]) -> int:
        statement = self.crud.statements["insert_many"]
        many = [statement.adapt(self._values("insert_many", entity)) for entity in entities]
        return await self.executor.execute_many(statement, many) if many else 0

    async def update(self, entity: Entity) -> bool:
        statement = self.crud.statements["update"]
        values = statement.adapt(self._values("update", entity))
        return await self.executor.execute(statement, values) > 0

    async def delete(self, key: object) -> bool:
        statement = self.crud.statements["delete"]
        return await self.executor.execute(statement, statement.adapt(as_row(key))) > 0

    async def replace(self, entity: Entity) -> Any:
        shape = self.crud.shape
        if not shape.generated:
            return await self._one("replace", entity)
        if not getattr(entity, shape.key[0], 0):
            return await self.insert(entity)
        if not await self.update(entity):
            raise NoResult(
                f"{self.crud.statements['update'].name}: no row has this key, and the database "
                "hands out the keys itself: insert it with the key left at 0"
            )
        return entity

    async def count(self) -> int:
        rows = await self._many("count", ())
        count: int = exactly_one(self.crud.statements["count"], rows)
        return count

    async def _many(self, name: str, values: Sequence[Any]) -> list[Any]:
        statement = self.crud.statements[name]
        return statement.decode(await self.executor.fetch(statement, statement.adapt(values)))

    async def _one(self, name: str, entity: Entity) -> Any:
        statement = self.crud.statements[name]
        rows = await self.executor.fetch(statement, statement.adapt(self._values(name, entity)))
        return exactly_one(statement, statement.decode(rows))

    def _values(self, name: str, entity: Entity) -> Sequence[Any]:
        expected = self.crud.shape.entity
        if not isinstance(entity, expected):
            raise TypeError(f"{expected.__name__} expected, not {type(entity).__name__}")
        return self.crud.values[name](msgspec.structs.astuple(entity))


def exactly_one(statement: Statement, rows: list[Any]) -> Any:
    """The only one of them. Raises NoResult, TooManyResults."""
    if len(rows) != 1:
        if rows:
            raise TooManyResults(f"{statement.name} gave {len(rows)} rows where one was expected")
        raise NoResult(f"{statement.name} gave no row")
    return rows[0]


def at_most_one(statement: Statement, rows: list[Any]) -> Any:
    """The only one of them, or None. Raises TooManyResults."""
    return exactly_one(statement, rows) if rows else None


def as_row(key: Any) -> tuple[Any, ...]:
    """A key as a row of its columns."""
    return key if _is_row(key) else (key,)


def _is_row(key: Any) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(key, tuple)

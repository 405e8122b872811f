from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str
    size: int | None


class Row(Entity, frozen=True, gc=False):
    id: int
    name: str


class Things(Table[Thing, int], Protocol):
    async def joined(self, *, id: int) -> list[Row]: ...

    async def crossed(self, *, id: int) -> list[Row]: ...

    async def grouped(self, *, id: int) -> list[Row]: ...

    async def grouped_by_count(self, *, id: int) -> list[Row]: ...

    async def first_of(self, *, id: int) -> int: ...


class Tables:
    things: Things

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
    async def kind(self, *, id: int) -> Row: ...

    async def absent(self) -> int: ...


class Tables:
    things: Things

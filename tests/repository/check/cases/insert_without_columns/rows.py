from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str
    size: int | None


class Things(Table[Thing, int], Protocol):
    async def add(self, *, id: int, name: str, size: int | None) -> int: ...

    async def copy(self, *, id: int) -> int: ...


class Tables:
    things: Things

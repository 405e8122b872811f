from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str
    size: int | None


class Row(Entity, frozen=True, gc=False):
    id: int
    size: int


class Things(Table[Thing, int], Protocol):
    async def sizes(self, *, id: int) -> list[Row]: ...


class Tables:
    things: Things

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
    async def quoted(self, *, id: int) -> list[Row]: ...


class Tables:
    things: Things

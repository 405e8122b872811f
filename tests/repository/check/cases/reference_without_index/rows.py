from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str
    size: int | None


class Things(Table[Thing, int], Protocol):
    async def total(self) -> int: ...


class Tables:
    things: Things

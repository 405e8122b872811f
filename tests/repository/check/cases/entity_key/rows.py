from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: Key[str]
    size: int | None


class Things(Table[Thing, tuple[int, str]], Protocol):
    async def total(self) -> int: ...


class Tables:
    things: Things

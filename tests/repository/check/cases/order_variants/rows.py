from typing import Literal, Protocol

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
    async def page(
        self, *, id: int, limit: int, order: Literal["id", "named", "sized"] = "id"
    ) -> list[Row]: ...


class Tables:
    things: Things

from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    guild_id: Key[int]
    user_id: Key[int]
    size: int


class Things(Table[Thing, tuple[int, int]], Protocol):
    async def total(self) -> int: ...

    async def in_guild(self, *, guild_id: int) -> int: ...


class Tables:
    things: Things

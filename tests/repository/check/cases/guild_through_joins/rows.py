from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    guild_id: Key[int]
    user_id: Key[int]
    size: int


class Things(Table[Thing, tuple[int, int]], Protocol):
    async def pairs(self, *, guild_id: int) -> int: ...

    async def loose_pairs(self, *, guild_id: int) -> int: ...

    async def outer_pairs(self, *, guild_id: int) -> int: ...

    async def nested(self, *, guild_id: int) -> int: ...


class Tables:
    things: Things

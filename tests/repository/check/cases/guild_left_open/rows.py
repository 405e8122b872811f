from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    guild_id: Key[int]
    user_id: Key[int]
    size: int


class Things(Table[Thing, tuple[int, int]], Protocol):
    async def of_user(self, *, user_id: int) -> list[Thing]: ...

    async def either(self, *, guild_id: int, user_id: int) -> list[Thing]: ...

    async def grow(self) -> int: ...

    async def drop_small(self, *, size: int) -> int: ...

    async def wrong_one(self, *, user_id: int) -> list[Thing]: ...


class Tables:
    things: Things

from typing import Protocol

from pwrbot.entities import Entity, Key
from pwrbot.repository.table import Table


class Thing(Entity, frozen=True, gc=False):
    user_id: Key[int]
    guild_id: Key[int]
    size: int


class Things(Table[Thing, tuple[int, int]], Protocol):
    async def of_user(self, *, user_id: int) -> list[Thing]: ...


class Tables:
    things: Things

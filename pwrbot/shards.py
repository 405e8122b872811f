"""Which guilds are a process's own: Discord's shards, and the part of them that one process has."""

from __future__ import annotations

import re
from itertools import pairwise
from math import gcd
from typing import Final

import msgspec

MOST_SHARDS: Final = 16_384
"""More than any bot on Discord has; each is a lock that the process holds in the database."""


class Shards(msgspec.Struct, frozen=True):
    """Some of the shards of a bot. A guild's shard is ``(guild_id >> 22) % count``.

    That is Discord's rule: "Sharding" in https://discord.com/developers/docs/events/gateway; what
    has no guild, such as a direct message, is told to shard 0.
    """

    ids: tuple[int, ...]
    """Ascending, each below ``count``, at least one."""
    count: int
    """Of all shards of the bot, those of other processes included."""

    def has(self, guild_id: int) -> bool:
        """Whether the guild is on one of these."""
        return (guild_id >> 22) % self.count in self.ids

    def meets(self, other: Shards) -> bool:
        """Whether there can be a guild on one of these and one of those, whatever their counts.

        Some number is i modulo one count and j modulo the other where both are the same modulo
        their greatest common divisor (the Chinese remainder theorem).
        """
        common = gcd(self.count, other.count)
        return not {i % common for i in self.ids}.isdisjoint(i % common for i in other.ids)

    def covers(self, other: Shards) -> bool:
        """Whether each guild on one of those is on one of these."""
        common = gcd(self.count, other.count)
        mine = set(self.ids)
        return all(
            i in mine
            for start in {i % common for i in other.ids}
            for i in range(start, self.count, common)
        )

    def __str__(self) -> str:
        """As SHARDS has it: ``0-3/16``."""
        parts: list[str] = []
        start = self.ids[0]
        for one, following in pairwise((*self.ids, None)):
            if one is not None and following != one + 1:
                parts.append(f"{start}" if start == one else f"{start}-{one}")
                start = following if following is not None else start
        return f"{','.join(parts)}/{self.count}"


ALL: Final = Shards((0,), 1)
"""Every guild, in however many shards Discord advises."""


def parse_shards(text: str) -> Shards:
    """Shards as SHARDS names them: ids and ranges, a slash, the count. Raises ValueError."""
    one = r"[0-9]{1,5}(?:-[0-9]{1,5})?"
    match = re.fullmatch(rf"({one}(?:,{one})*)/([0-9]{{1,5}})", text)
    if match is None:
        raise ValueError("must be this process's shards and the number of all, such as 0-3/16")
    count = int(match[2])
    if not 1 <= count <= MOST_SHARDS:
        raise ValueError(f"must have from 1 to {MOST_SHARDS} shards in all")
    ids: set[int] = set()
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        found = range(int(first), int(last or first) + 1)
        if not found:
            raise ValueError(f"has a range that ends before it begins: {part}")
        if found[-1] >= count:
            raise ValueError(
                f"goes beyond the last of {count} shards, which is {count - 1}: {part}"
            )
        if not ids.isdisjoint(found):
            raise ValueError(f"names a shard twice: {part}")
        ids.update(found)
    return Shards(tuple(sorted(ids)), count)

"""Whether the roll-ups of voice say what the sessions say, and how to have them say it again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from pwrbot.entities import VoiceDifference
from pwrbot.repository import Repository, Tables


class Wrong(msgspec.Struct, frozen=True):
    """A row of a roll-up that is not what the sessions say."""

    table: str
    row: VoiceDifference


async def examine(repository: Repository) -> AsyncIterator[tuple[int, list[Wrong]]]:
    """Each guild with what is wrong in it, one after the other. Raises DatabaseError.

    Right also while the bot runs: each roll-up is compared by one statement.
    """
    for guild_id in await repository.voice_segments.guilds():
        yield guild_id, await differences(repository, guild_id)


async def differences(tables: Tables, guild_id: int) -> list[Wrong]:
    """What is wrong in a guild: its segments against its sessions, the rest against those."""
    sources = {
        "voice_segments": tables.voice_segments,
        "voice_member_totals": tables.voice_member_totals,
        "voice_channel_totals": tables.voice_channel_totals,
        "voice_hours": tables.voice_hours,
    }
    return [
        Wrong(name, row)
        for name, table in sources.items()
        for row in await table.wrong(guild_id=guild_id)
    ]


async def mend(repository: Repository, guild_id: int) -> None:
    """Make a guild's roll-ups anew from its sessions, in one transaction. Raises DatabaseError."""
    async with repository.transaction() as tx:
        # Totals first: they would be counted down row by row, or, where they are wrong, below zero.
        await tx.voice_member_totals.clear(guild_id=guild_id)
        await tx.voice_channel_totals.clear(guild_id=guild_id)
        await tx.voice_hours.clear(guild_id=guild_id)
        await tx.voice_segments.clear(guild_id=guild_id)
        await tx.voice_segments.rebuild(guild_id=guild_id)

"""Sessions that ended, stored many at a time."""

from __future__ import annotations

from collections.abc import Sequence

from pwrbot.entities import VoiceSession
from pwrbot.repository import Tables


async def add_sessions(tables: Tables, sessions: Sequence[VoiceSession]) -> None:
    """Add them in one statement, all or none: the totals are brought up to them together.

    Raises DatabaseError.
    """
    await tables.voice_sessions.add(
        guild_ids=[one.guild_id for one in sessions],
        user_ids=[one.user_id for one in sessions],
        joined_ats=[one.joined_at for one in sessions],
        channel_ids=[one.channel_id for one in sessions],
        left_ats=[one.left_at for one in sessions],
    )

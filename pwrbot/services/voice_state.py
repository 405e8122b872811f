"""What Discord says of who is in voice, copied at the moment it says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

LONGEST: Final = timedelta(days=3660)
"""What a session may last at most (the constraint voice_sessions_ten_years). A longer one was made
by a clock that was wrong when it began, such as that of a machine that starts up in 1970."""


class VoiceState(msgspec.Struct, frozen=True, gc=False):
    """One member's place in voice at one moment: a copy that later events do not change."""

    guild_id: int
    user_id: int
    channel_id: int | None
    """None: the member is in no voice channel of the guild."""
    bot: bool = False
    self_deafened: bool = False
    muted: bool = False
    """By oneself or by a moderator. A stage's audience is suppressed, not muted: it listens."""
    deafened: bool = False
    """By a moderator. Not the member's choice, so no rule asks for it."""
    role_ids: frozenset[int] = frozenset()


class GuildVoice(msgspec.Struct, frozen=True):
    """Everybody in voice in one guild at one moment, bots included."""

    guild_id: int
    afk_channel_id: int | None
    states: tuple[VoiceState, ...] = ()

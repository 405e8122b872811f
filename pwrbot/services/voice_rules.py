"""Whose time in voice counts: the rules of a server, asked in a fixed order."""

from __future__ import annotations

from enum import StrEnum

from pwrbot.entities import VoiceSettings
from pwrbot.services.voice_state import VoiceState


class Verdict(StrEnum):
    """Counted, or the first rule that stops it, in the order in which they are asked."""

    COUNTED = "counted"
    TRACKING_OFF = "tracking_off"
    BOT = "bot"
    NOT_IN_VOICE = "not_in_voice"
    IGNORED_CHANNEL = "ignored_channel"
    IGNORED_ROLE = "ignored_role"
    AFK_CHANNEL = "afk_channel"
    SELF_DEAFENED = "self_deafened"
    MUTED = "muted"
    ALONE = "alone"


def verdict(
    settings: VoiceSettings, state: VoiceState, *, afk_channel_id: int | None, company: int
) -> Verdict:
    """Whether this member counts now. ``company``: the other people, not bots, in the channel.

    What a member cannot change comes before what they can, so that ``/voice why`` names the rule
    that matters most: unmuting does not help in an ignored channel.
    """
    if not settings.enabled:
        return Verdict.TRACKING_OFF
    if state.bot:
        return Verdict.BOT
    if state.channel_id is None:
        return Verdict.NOT_IN_VOICE
    if state.channel_id in settings.ignored_channels:
        return Verdict.IGNORED_CHANNEL
    if any(role_id in state.role_ids for role_id in settings.ignored_roles):
        return Verdict.IGNORED_ROLE
    if state.channel_id == afk_channel_id and not settings.afk_channel:
        return Verdict.AFK_CHANNEL
    if state.self_deafened and not settings.self_deafened:
        return Verdict.SELF_DEAFENED
    if state.muted and not settings.muted:
        return Verdict.MUTED
    if company < 1 and not settings.alone:
        return Verdict.ALONE
    return Verdict.COUNTED

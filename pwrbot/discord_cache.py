"""The one place that touches what discord.py keeps to itself, each time for a reason.

tests/test_gateway.py notices when a new version of it means something else by these names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import discord
import structlog
from discord.utils import SnowflakeList

log = structlog.get_logger(__name__)


def connected(guild: discord.Guild) -> Iterator[tuple[int, discord.VoiceState]]:
    """Everyone in a voice or stage channel of the guild, by user id, with their live state.

    The public ``channel.voice_states`` says the same, but walks all states of the guild for each
    channel: a million steps a minute in a guild of 500 channels and 2,000 people in them.
    """
    for user_id, state in guild._voice_states.items():
        if state.channel is not None and guild.get_channel(state.channel.id) is not None:
            yield user_id, state


def forget_voice_states(guild: discord.Guild) -> None:
    """Empty a guild that Discord lost: its next GUILD_CREATE only adds to what is cached, so that
    whoever left during the outage would stay for ever."""
    guild._voice_states.clear()


def forget_guild(client: discord.Client, guild: discord.Guild) -> None:
    """Drop a guild that a new session's READY no longer lists: an AutoSharded client keeps it."""
    client._connection._remove_guild(guild)


def role_ids(member: discord.Member) -> frozenset[int]:
    """The roles a member has: @everyone, and also one that the guild has not told of yet."""
    return frozenset((member.guild.id, *member._roles))


def renew_roles(client: discord.Client) -> None:
    """Let a voice state tell its member's roles. Call it before connecting.

    Each carries them, but discord.py goes by what it has cached, and without the members intent
    nothing else says that a role was given or taken.
    """
    parsers = client._connection.parsers
    parse = parsers["VOICE_STATE_UPDATE"]

    def read(data: Any) -> None:
        guild_id, told = data.get("guild_id"), data.get("member") or {}
        guild = client.get_guild(int(guild_id)) if guild_id else None
        member = guild.get_member(int(data["user_id"])) if guild is not None else None
        roles = told.get("roles")
        if member is not None and roles is not None:
            member._roles = SnowflakeList(map(int, roles))
        parse(data)

    parsers["VOICE_STATE_UPDATE"] = read


def survive_unreadable(client: discord.Client) -> None:
    """Let an event that discord.py can't read be a line in the log. Call it before connecting.

    It would end the connection of every server, and with it the bot. READY still may: without it
    there is nothing to go on with.
    """
    parsers = client._connection.parsers
    for event, parse in parsers.items():
        if event != "READY":
            parsers[event] = _surviving(event, parse)


def _surviving(event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
    def read(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            if event == "INTERACTION_CREATE" and _without_channel(data, parse):
                return
            log.exception("event_unreadable", gateway_event=event)

    return read


def _without_channel(data: Any, parse: Callable[[Any], None]) -> bool:
    """Read a command or a press again, without what this bot never asks for: Discord documents the
    channel as partial, and discord.py wants all of one that is not in its cache."""
    try:
        rest = {key: value for key, value in data.items() if key != "channel"}
        parse({"attachment_size_limit": 0, **rest})
    except Exception:
        return False
    return True

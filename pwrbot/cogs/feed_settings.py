"""/feed settings: how a server's feeds work. For members who manage it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import discord
import msgspec

from pwrbot.entities import FeedSettings, Settings
from pwrbot.replies import Interaction

if TYPE_CHECKING:
    from pwrbot.bot import Bot

Clear = Literal["channel", "subscribe_role", "unsubscribe_role"]

_CLEARED: dict[Clear, str] = {
    "channel": "channel_id",
    "subscribe_role": "subscribe_role_id",
    "unsubscribe_role": "unsubscribe_role_id",
}


async def feed_settings(bot: Bot, interaction: Interaction) -> FeedSettings:
    """Those of the server a command was used in; the defaults in direct messages."""
    if interaction.guild_id is None:
        return FeedSettings()
    return (await bot.settings.get(interaction.guild_id)).feeds


def changed(
    settings: Settings,
    *,
    enabled: bool | None,
    channel_id: int | None,
    subscribe_role: discord.Role | None,
    unsubscribe_role: discord.Role | None,
    digest_over: int | None,
    clear: Clear | None,
) -> Settings:
    """The settings with what was given; what is None stays."""
    given: dict[str, Any] = {
        "enabled": enabled,
        "channel_id": channel_id,
        "subscribe_role_id": subscribe_role and subscribe_role.id,
        "unsubscribe_role_id": unsubscribe_role and unsubscribe_role.id,
        "digest_over": digest_over,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if clear is not None:
        chosen[_CLEARED[clear]] = None
    return msgspec.structs.replace(
        settings, feeds=msgspec.structs.replace(settings.feeds, **chosen)
    )


def setting_lines(feeds: FeedSettings) -> list[str]:
    """What is in force, for /feed settings and /settings show."""
    return [
        f"**Feeds**: {'on' if feeds.enabled else 'off, nothing is posted'}",
        f"**Channel for feeds**: {_or_none(feeds.channel_id, '<#{}>', 'none')}",
        f"**May add feeds**: {_or_none(feeds.subscribe_role_id, '<@&{}> and ', '')}Manage Server",
        f"**May remove feeds**: {_or_none(feeds.unsubscribe_role_id, '<@&{}> and ', '')}"
        "Manage Server",
        f"**Items at once before they come as one**: {feeds.digest_over}",
    ]


def _or_none(value: int | None, shown: str, none: str) -> str:
    return none if value is None else shown.format(value)

"""Where feeds are told, and whether the bot can post there."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

import discord
import msgspec
from discord import app_commands

from pwrbot.cogs.feed_rights import may_post, own
from pwrbot.commands import Refusal
from pwrbot.entities import FeedSettings
from pwrbot.replies import Interaction
from pwrbot.services.feeds import Follower

To = Literal["here", "server", "me"]
"""This channel; the server's own channel for feeds; direct messages."""

LOOK_SECONDS: Final = 1.5
"""For looking at a channel before the command is answered, which Discord waits 3 seconds for."""

TargetChannel = discord.TextChannel | discord.Thread | discord.ForumChannel


class Place(msgspec.Struct, frozen=True):
    """Who follows, and where items go; ``channel_id`` None: DMs, or the server's feed channel."""

    follower: Follower
    channel_id: int | None
    words: str
    """After "to": Discord's markdown."""
    named: bool
    """Whether the member named it; else it is where the command happened to be used."""


class TargetOption(app_commands.Transformer):
    """A channel, thread or forum that the bot can see."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        kinds = discord.ChannelType
        threads = [kinds.news_thread, kinds.public_thread, kinds.private_thread]
        return [kinds.text, kinds.news, kinds.forum, *threads]

    async def transform(
        self,
        interaction: Interaction,
        value: app_commands.AppCommandChannel | app_commands.AppCommandThread,
        /,
    ) -> TargetChannel:
        channel = value.resolve()
        if channel is None:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    channel = await value.fetch()
            except TimeoutError:
                raise Refusal("Discord is slow to answer: try again in a minute.") from None
            except (discord.Forbidden, discord.NotFound):
                raise Refusal(f"I can't see <#{value.id}>: let me View Channel there.") from None
        if not isinstance(channel, TargetChannel):
            raise Refusal(f"Feeds can't be posted to <#{value.id}>: {_KINDS}.")
        return channel


Target = app_commands.Transform[TargetChannel, TargetOption]

_KINDS: Final = "choose a text or news channel, a thread or a forum"


def place_of(
    interaction: Interaction, to: To | None, channel: TargetChannel | None, settings: FeedSettings
) -> Place:
    """Where a member wants items; raises Refusal where that cannot be, and says what would."""
    if to == "me" or (to is None and interaction.guild_id is None):
        if channel is not None:
            raise Refusal("Choose either a channel or to: me.")
        return Place(own(interaction), None, "your direct messages", False)
    if interaction.guild_id is None:
        raise Refusal("In direct messages feeds can only come to you: leave out where to.")
    follower = Follower("guild", interaction.guild_id)
    if to == "server":
        if channel is not None:
            raise Refusal("Choose either a channel or to: server.")
        if settings.channel_id is None:
            raise Refusal(
                "This server has no channel for feeds yet: choose one with /feed settings, "
                "or give the channel."
            )
        require_permissions(interaction, settings.channel_id)
        return Place(follower, None, f"this server's feed channel <#{settings.channel_id}>", True)
    channel_id = channel.id if channel is not None else interaction.channel_id
    if channel_id is None:
        raise Refusal(f"Feeds can't be posted here: {_KINDS}.")
    require_permissions(interaction, channel_id, channel)
    if not may_post(interaction, channel_id, channel):
        raise Refusal(
            f"You may not post to <#{channel_id}> yourself, so I won't for you: choose another "
            "channel, or ask somebody who manages the server."
        )
    return Place(follower, channel_id, f"<#{channel_id}>", channel is not None or to is not None)


def words_of(channel_id: int | None, follower: Follower, settings: FeedSettings) -> str:
    """Where the items of a subscription go, after "to" or "in"."""
    if channel_id is not None:
        return f"<#{channel_id}>"
    if follower.kind == "dm":
        return "direct messages"
    if settings.channel_id is not None:
        return f"<#{settings.channel_id}>"
    return "no channel yet (/feed settings)"


def why_nothing_comes(follower: Follower, settings: FeedSettings, *, running: bool) -> str:
    """What to know where feeds are off, and empty where they are not.

    ``running``: whether this bot works on feeds at all, which its host decides.
    """
    if not running:
        return "Whoever runs this bot has turned feeds off: nothing is read or posted"
    if follower.kind == "guild" and not settings.enabled:
        return "Feeds are turned off in this server: /feed settings enabled: True"
    return ""


def require_permissions(
    interaction: Interaction, channel_id: int, channel: TargetChannel | None = None
) -> None:
    """Raises Refusal that says why the bot can't post into a channel, thread or forum."""
    guild = interaction.guild
    found = channel or (guild.get_channel_or_thread(channel_id) if guild is not None else None)
    if found is None and channel_id == interaction.channel_id:
        # A thread the cache does not hold; Discord says with each interaction what is allowed.
        found, permissions = interaction.channel, interaction.app_permissions
    elif found is None or guild is None:
        raise Refusal(f"I can't see <#{channel_id}>: let me View Channel there, or choose another.")
    elif isinstance(found, TargetChannel):
        permissions = found.permissions_for(guild.me)
    else:
        permissions = discord.Permissions.none()
    if not isinstance(found, TargetChannel):
        raise Refusal(f"Feeds can't be posted to <#{channel_id}>: {_KINDS}.")
    missing = [words for name, words in _needed(found) if not getattr(permissions, name)]
    if missing:
        raise Refusal(
            f"I can't post to <#{channel_id}>: let me {_joined(missing)} there, "
            "or choose another channel."
        )
    if isinstance(found, discord.ForumChannel) and found.flags.require_tag:
        raise Refusal(
            f"<#{channel_id}> wants a tag on each post, and mine have none: allow posts without "
            "tags there, or choose another channel."
        )
    if isinstance(found, discord.Thread) and found.locked and not permissions.manage_threads:
        raise Refusal(
            f"<#{channel_id}> is locked: unlock it, let me Manage Threads there, or choose another "
            "channel."
        )


def _needed(channel: TargetChannel) -> list[tuple[str, str]]:
    send = ("send_messages", "Send Messages")
    if isinstance(channel, discord.Thread):
        send = ("send_messages_in_threads", "Send Messages in Threads")
    elif isinstance(channel, discord.ForumChannel):
        send = ("send_messages", "Create Posts")
    return [("view_channel", "View Channel"), send, ("embed_links", "Embed Links")]


def _joined(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last

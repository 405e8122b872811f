"""Who may change what a server, or a member, follows."""

from __future__ import annotations

from typing import Literal

import discord

from pwrbot.checks import guild_of, guild_permissions, manages
from pwrbot.commands import Refusal
from pwrbot.entities import FeedSettings
from pwrbot.replies import Interaction
from pwrbot.services.feeds import Follower

Whose = Literal["server", "mine"]


def own(interaction: Interaction) -> Follower:
    """The member's direct messages."""
    return Follower("dm", interaction.user.id)


def follower_of(interaction: Interaction, whose: Whose | None) -> Follower:
    """Whose feeds are meant: the server's unless in direct messages. Raises NoPrivateMessage."""
    if whose == "mine" or (whose is None and interaction.guild_id is None):
        return own(interaction)
    return Follower("guild", guild_of(interaction))


def require_right(
    interaction: Interaction, follower: Follower, settings: FeedSettings, *, removing: bool = False
) -> None:
    """Raises Refusal unless the member may change what a follower follows.

    One's own always; a server's with Manage Server, or with the role chosen for it.
    """
    if not has_right(interaction, follower, settings, removing=removing):
        role_id = _role(settings, removing)
        role = "" if role_id is None else f"the role <@&{role_id}> or "
        hint = "" if removing else " For yourself alone you always can: choose to: me."
        raise Refusal(f"To change this server's feeds you need {role}Manage Server.{hint}")


def has_right(
    interaction: Interaction, follower: Follower, settings: FeedSettings, *, removing: bool = False
) -> bool:
    """Whether the member who presses or types may change what a follower follows."""
    if follower.kind == "dm":
        return follower.target_id == interaction.user.id
    if follower.target_id != interaction.guild_id:
        return False
    if manages(interaction):
        return True
    role_id = _role(settings, removing)
    member = interaction.user
    return (
        role_id is not None and isinstance(member, discord.Member) and role_id in _role_ids(member)
    )


def require_own(
    interaction: Interaction,
    channel_id: int,
    channel: discord.abc.GuildChannel | discord.Thread | None,
) -> None:
    """Raises Refusal where the member could not post themselves: who may add feeds may not with
    them write into every channel. Whoever manages the server may.
    """
    if manages(interaction):
        return
    theirs, member = interaction.permissions, interaction.user
    if channel is not None and channel_id != interaction.channel_id:
        if not isinstance(member, discord.Member):
            return
        theirs = channel.permissions_for(member)
    in_thread = isinstance(channel or interaction.channel, discord.Thread)
    may_send = theirs.send_messages_in_threads if in_thread else theirs.send_messages
    if not (theirs.view_channel and may_send):
        raise Refusal(
            f"You may not post to <#{channel_id}> yourself, so I won't for you: choose another "
            "channel, or ask somebody who manages the server."
        )


def require_pingable(interaction: Interaction, role: discord.Role) -> None:
    """Raises Refusal where the member could not ping this role themselves."""
    permissions = guild_permissions(interaction)
    if role.is_default():
        raise Refusal("Everyone can't be pinged with each item: choose another role.")
    if not (role.mentionable or permissions.mention_everyone or permissions.manage_guild):
        raise Refusal(
            f"You can't ping <@&{role.id}> yourself, so I won't for you: somebody who manages the "
            "server can set this up."
        )


def _role(settings: FeedSettings, removing: bool) -> int | None:
    return settings.unsubscribe_role_id if removing else settings.subscribe_role_id


def _role_ids(member: discord.Member) -> set[int]:
    return {role.id for role in member.roles}

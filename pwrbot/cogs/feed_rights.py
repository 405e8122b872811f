"""Who may change what a server, or a member, follows."""

from __future__ import annotations

from typing import Literal

import discord

from pwrbot.checks import guild_of, manages
from pwrbot.commands import Refusal
from pwrbot.entities import FeedSettings, FeedSubscription
from pwrbot.replies import Interaction
from pwrbot.services.feeds import Follower

Whose = Literal["server", "mine"]

GuildChannel = discord.abc.GuildChannel | discord.Thread


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


def may_move(
    interaction: Interaction,
    follower: Follower,
    settings: FeedSettings,
    channel_id: int | None,
    subscription: FeedSubscription,
) -> bool:
    """Whether the member may have a feed told elsewhere: in a channel they were found to be allowed
    to post to, or with None in the server's own.

    To take it away from where they could not post is removing it; and its template comes along, as
    does the role that it pings.
    """
    may_take = has_right(interaction, follower, settings, removing=True) or may_post(
        interaction, _channel_id(subscription, settings)
    )
    guild, role_id = interaction.guild, subscription.role_id
    role = guild.get_role(role_id) if guild is not None and role_id is not None else None
    may_bring = role is None or _may_ping(interaction, role, channel_id or settings.channel_id)
    may_leave = channel_id is not None or may_post(interaction, settings.channel_id)
    return may_take and may_bring and may_leave


def require_own(
    interaction: Interaction,
    follower: Follower,
    settings: FeedSettings,
    subscription: FeedSubscription,
) -> None:
    """Raises Refusal where what a feed's messages say is not the member's to change: who may add
    feeds may not with them write, or silence, what they could not post themselves.
    """
    if follower.kind == "dm" or manages(interaction):
        return
    channel_id = _channel_id(subscription, settings)
    if not may_post(interaction, channel_id):
        where = "where it is posted" if channel_id is None else f"to <#{channel_id}> yourself"
        raise Refusal(
            f"You may not post {where}, so how this feed is told there isn't yours to change: ask "
            "somebody who manages the server."
        )


def may_post(
    interaction: Interaction, channel_id: int | None, channel: GuildChannel | None = None
) -> bool:
    """Whether the member could post there themselves; whoever manages the server always may.

    ``channel``: where they named it, and so can see it.
    """
    if manages(interaction):
        return True
    here = channel_id == interaction.channel_id
    found = channel or (interaction.channel if here else _known(interaction, channel_id))
    theirs = _permissions(interaction, channel_id, channel)
    may_send = theirs.send_messages
    if isinstance(found, discord.Thread):
        # Who is in a private thread is known only of the one the command comes from.
        unseen = found.is_private() and channel is None and not here
        may_send = theirs.send_messages_in_threads
        if found.locked or unseen:
            may_send = theirs.manage_threads
    return theirs.view_channel and may_send


def require_pingable(
    interaction: Interaction,
    role: discord.Role,
    settings: FeedSettings,
    subscription: FeedSubscription,
) -> None:
    """Raises Refusal where the member could not ping this role themselves in the feed's channel."""
    if role.is_default():
        raise Refusal("Everyone can't be pinged with each item: choose another role.")
    if not _may_ping(interaction, role, _channel_id(subscription, settings)):
        raise Refusal(
            f"You can't ping <@&{role.id}> yourself, so I won't for you: somebody who manages the "
            "server can set this up."
        )


def _channel_id(subscription: FeedSubscription, settings: FeedSettings) -> int | None:
    """Where a server's feed is told; None where no channel is set for it."""
    return subscription.channel_id or settings.channel_id


def _may_ping(interaction: Interaction, role: discord.Role, channel_id: int | None) -> bool:
    theirs = _permissions(interaction, channel_id)
    return role.mentionable or theirs.mention_everyone or manages(interaction)


def _permissions(
    interaction: Interaction, channel_id: int | None, channel: GuildChannel | None = None
) -> discord.Permissions:
    """The member's own in a channel; none in one the bot doesn't know."""
    if channel_id == interaction.channel_id:
        return interaction.permissions
    channel, member = channel or _known(interaction, channel_id), interaction.user
    if channel is None or not isinstance(member, discord.Member):
        return discord.Permissions.none()
    return channel.permissions_for(member)


def _known(interaction: Interaction, channel_id: int | None) -> GuildChannel | None:
    guild = interaction.guild
    if guild is None or channel_id is None:
        return None
    return guild.get_channel_or_thread(channel_id)


def _role(settings: FeedSettings, removing: bool) -> int | None:
    return settings.unsubscribe_role_id if removing else settings.subscribe_role_id


def _role_ids(member: discord.Member) -> set[int]:
    return {role.id for role in member.roles}

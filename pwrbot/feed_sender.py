"""Messages of the outbox on their way to Discord: where to, as what, and what Discord made of it.

A message carries its nonce with ``enforce_nonce``: Discord gives back the message it has already
where it was sent the same nonce within the past few minutes (Create Message, Discord's developer
documentation). A post in a forum cannot carry one (Start Thread in Forum or Media Channel): where
it may have been made before, it is looked for among the posts there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import aiohttp
import discord
from discord import ui

from pwrbot.services.feed_message import Message, Refused, Unavailable
from pwrbot.shards import ALL, Shards
from pwrbot.views.feed_item import digest_title, digest_view, item_view, post_title

_REASONS: Final = {
    10003: "unknown_channel",
    10004: "unknown_server",
    10013: "unknown_user",
    50001: "missing_access",
    50007: "closed_dm",
    50008: "not_a_text_channel",
    50013: "missing_permission",
    50083: "thread_archived",
    50278: "closed_dm",  # no server in common
    40067: "tag_required",
    160005: "thread_locked",
}
"""What Discord's error codes are called in the record of a delivery."""

_NAMED: Final = {403: "missing_permission", 404: "unknown_channel"}

_NOT_NOW: Final = {40003: "too_many_dms"}
"""Codes that pass, whatever their status says."""

_PASSING: Final = (401, 408, 429)
"""Of 4xx, those that say nothing about the message or the channel."""

_CLOCKS_DIFFER: Final = timedelta(minutes=2)

Target = (
    discord.abc.Messageable | discord.abc.GuildChannel | discord.Thread | discord.abc.PrivateChannel
)


T = TypeVar("T")


class FeedSender:
    """Sends through a client that has logged in; it need not be connected to the gateway.

    ``shards``: those the client connects where it does. Of their servers it knows in which it is,
    and asks Discord nothing of others, which counts what it has to refuse.
    """

    def __init__(self, client: discord.Client, shards: Shards = ALL) -> None:
        self._client = client
        self._shards = shards

    async def send(self, message: Message) -> int:
        """The id of the message, or of the post in a forum. Raises Refused, Unavailable."""
        try:
            target = await self._target(message)
            made_before = await self._made_before(target, message)
            if made_before is not None:
                return made_before
            return await pictured_or_not(lambda picture: _post(target, message, picture=picture))
        except discord.HTTPException as error:
            raise _verdict(error) from None
        except discord.InvalidData:
            raise Refused("unknown_channel") from None
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("discord_unreachable") from error

    async def _target(self, message: Message) -> Target:
        if message.channel_id is None:
            return await self._client.create_dm(discord.Object(message.target_id))
        if self._is_out_of(message.target_id):
            raise Refused("not_in_server")
        channel = self._client.get_channel(message.channel_id)
        if channel is None:
            channel = await self._client.fetch_channel(message.channel_id)
        guild = getattr(channel, "guild", None)
        if guild is None or guild.id != message.target_id:
            raise Refused("unknown_channel")
        return channel

    def _is_out_of(self, guild_id: int) -> bool:
        """One that is unavailable at the moment is still there."""
        known = self._client.is_ready() and self._shards.has(guild_id)
        return known and self._client.get_guild(guild_id) is None

    async def _made_before(self, forum: Target, message: Message) -> int | None:
        """The bot's post in a forum that says just this and is younger than what it tells of."""
        if not message.again or not isinstance(forum, discord.ForumChannel):
            return None
        me = self._client.user
        found_at = message.items[0].found_at - _CLOCKS_DIFFER
        name = " ".join(_title(message).split())
        texts = _texts(_view(message, picture=False).to_components())
        for thread in await forum.guild.active_threads():
            if (
                thread.parent_id == forum.id
                and (me is None or thread.owner_id == me.id)
                and " ".join(thread.name.split()) == name
                and discord.utils.snowflake_time(thread.id) >= found_at
            ):
                try:
                    first = await thread.fetch_message(thread.id)
                except (discord.Forbidden, discord.NotFound):
                    continue  # it cannot be told from another of that name
                if _texts([component.to_dict() for component in first.components]) == texts:
                    return thread.id
        return None


async def pictured_or_not(post: Callable[[bool], Awaitable[T]]) -> T:
    """Post an item with its picture, and without where Discord does not take it so."""
    try:
        return await post(True)
    except discord.HTTPException as error:
        if error.status != 400 or error.code in _REASONS or error.code in _NOT_NOW:
            raise
    # Something in it Discord does not take, most likely the picture's address.
    return await post(False)


async def _post(target: Target, message: Message, *, picture: bool) -> int:
    role = None if message.role_id is None else discord.Object(message.role_id)
    mentions = discord.AllowedMentions(
        everyone=False, users=False, replied_user=False, roles=[role] if role else False
    )
    view = _view(message, picture=picture)
    if isinstance(target, discord.ForumChannel):
        made = await target.create_thread(
            name=_title(message), view=view, allowed_mentions=mentions
        )
        return made.thread.id
    if not isinstance(target, discord.abc.Messageable):
        raise Refused("not_a_text_channel")
    sent = await target.send(view=view, nonce=message.nonce, allowed_mentions=mentions)
    return sent.id


def _texts(components: Any) -> tuple[str, ...]:
    """What stands in components, with those in them."""
    texts: list[str] = []
    for component in components:
        texts += [" ".join(str(component.get("content") or "").split())]
        texts += _texts(component.get("components") or ())
    return tuple(text for text in texts if text)


def _view(message: Message, *, picture: bool) -> ui.LayoutView:
    if message.is_digest:
        return digest_view(
            message.items,
            message.total,
            feed_name=message.feed_name,
            source_url=message.source_url,
            role_id=message.role_id,
        )
    return item_view(
        message.items[0],
        feed_name=message.feed_name,
        template=message.template,
        role_id=message.role_id,
        picture=picture,
    )


def _title(message: Message) -> str:
    if message.is_digest:
        return digest_title(message.total, message.feed_name)
    return post_title(message.items[0], message.feed_name)


def _verdict(error: discord.HTTPException) -> Refused | Unavailable:
    """Whether trying again can help."""
    if error.code in _NOT_NOW:
        return Unavailable(_NOT_NOW[error.code])
    # Discord's own "no" has a code: without one it is what stands before Discord that refuses.
    unsaid = error.status == 403 and not error.code
    if error.status >= 500 or error.status in _PASSING or unsaid:
        return Unavailable(f"discord_answers_{error.status}")
    if error.status == 400 and error.code not in _REASONS:
        return Refused("message_refused", only_this=True)
    return Refused(_REASONS.get(error.code) or _NAMED.get(error.status, "refused"))

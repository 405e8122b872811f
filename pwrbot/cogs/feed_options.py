"""One of the feeds that are followed: offered while a member types, found when sent, changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec
from discord import app_commands

from pwrbot.cogs.feed_rights import own, require_own, require_right
from pwrbot.cogs.feed_settings import feed_settings
from pwrbot.commands import Refusal
from pwrbot.replies import Interaction
from pwrbot.services.feeds import Follower

if TYPE_CHECKING:
    from pwrbot.bot import Bot
    from pwrbot.entities import FeedSubscription, FollowedFeed
    from pwrbot.services.feeds import FeedService, OneFeed


class Asked(msgspec.Struct, frozen=True):
    """A feed, as somebody follows it."""

    follower: Follower
    feed_id: int


class FeedOption(app_commands.Transformer):
    """A choice of what is followed, or whatever was typed in its place."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        return value

    async def autocomplete(  # type: ignore[override]
        self, interaction: Interaction, value: str, /
    ) -> list[app_commands.Choice[str]]:
        return await offered(interaction.client.feeds, interaction, value)


FeedChoice = app_commands.Transform[str, FeedOption]

_OFFERED: Final = 25  # Discord takes no more
_LONGEST: Final = 100
_OF_BOTH: Final = 12
_CHOICE: Final = re.compile(r"(server|you):(\d{1,18})")


async def offered(
    feeds: FeedService, interaction: Interaction, typed: str
) -> list[app_commands.Choice[str]]:
    """The feeds whose name or link holds what was typed: the server's, then one's own.

    Links can be longer than what Discord takes as a choice, so that a choice is a feed's number.
    """
    found = await asyncio.gather(
        *(feeds.search(follower, typed, _OFFERED) for follower in _followers(interaction))
    )
    own_feeds = found[-1]
    servers = found[0] if len(found) > 1 else []
    servers = servers[: _OFFERED - min(len(own_feeds), _OF_BOTH)]
    choices = [_choice("Server", "server", feed) for feed in servers]
    choices += [_choice("You", "you", feed) for feed in own_feeds]
    return choices[:_OFFERED]


async def asked_for(feeds: FeedService, interaction: Interaction, text: str) -> Asked:
    """The feed that a choice stands for, or the only one that what was typed fits.

    Raises Refusal, saying what to do.
    """
    asked = chosen(interaction, text)
    if asked is not None:
        return asked
    found = [
        (follower, feed)
        for follower in _followers(interaction)
        for feed in await feeds.search(follower, text, _OFFERED)
    ]
    exact = [pair for pair in found if text.strip() in (pair[1].name, pair[1].source_url)]
    found = exact or found
    if not found:
        raise Refusal("Nothing like that is followed: choose from the list that Discord offers.")
    if len(found) > 1:
        raise Refusal("That fits several feeds: choose one from the list that Discord offers.")
    [(follower, feed)] = found
    return Asked(follower, feed.feed_id)


async def change_asked(
    bot: Bot,
    interaction: Interaction,
    asked: Asked,
    change: Callable[[FeedSubscription], FeedSubscription],
) -> OneFeed:
    """Change how a feed is told, as it is asked for. Raises Refusal, NotFollowed."""
    settings = await feed_settings(bot, interaction)
    require_right(interaction, asked.follower, settings)

    def changed(subscription: FeedSubscription) -> FeedSubscription:
        require_own(interaction, asked.follower, settings, subscription)
        return change(subscription)

    return await bot.feeds.change(asked.follower, asked.feed_id, changed)


def chosen(interaction: Interaction, text: str) -> Asked | None:
    """The feed that a choice stands for; None for anything that is no choice."""
    match = _CHOICE.fullmatch(text.strip())
    if match is None or (match[1] == "server" and interaction.guild_id is None):
        return None
    follower = own(interaction)
    if match[1] == "server" and interaction.guild_id is not None:
        follower = Follower("guild", interaction.guild_id)
    return Asked(follower, int(match[2]))


def _followers(interaction: Interaction) -> list[Follower]:
    mine = own(interaction)
    if interaction.guild_id is None:
        return [mine]
    return [Follower("guild", interaction.guild_id), mine]


def _choice(words: str, sign: str, feed: FollowedFeed) -> app_commands.Choice[str]:
    name = f"{words} · {' '.join(feed.name.split()) or feed.source_url}"
    name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return app_commands.Choice(name=name, value=f"{sign}:{feed.feed_id}")

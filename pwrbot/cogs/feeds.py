"""/feed: what a server, or a member for themselves, follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import discord
import msgspec
from discord import app_commands
from discord.ext import commands

from pwrbot.checks import guild_of, require_manager
from pwrbot.cogs.feed_files import Imports, export
from pwrbot.cogs.feed_options import FeedChoice, asked_for, change_asked
from pwrbot.cogs.feed_places import (
    Target,
    To,
    place_of,
    require_permissions,
    why_nothing_comes,
    words_of,
)
from pwrbot.cogs.feed_rights import (
    Whose,
    follower_of,
    has_right,
    may_move,
    require_pingable,
    require_right,
)
from pwrbot.cogs.feed_rules import FilterCommands
from pwrbot.cogs.feed_settings import Clear, changed, feed_settings, setting_lines
from pwrbot.cogs.feed_templates import HELP, Template, TemplateCommands, show_preview
from pwrbot.commands import Refusal
from pwrbot.entities import FeedSettings, FeedSubscription
from pwrbot.replies import Interaction, defer
from pwrbot.services.feed_links import split_links
from pwrbot.services.feeds import Follower, LinkResult
from pwrbot.views.feed_health import FeedHealthBoard
from pwrbot.views.feed_list import FeedList
from pwrbot.views.feed_progress import LinkLines, Progress
from pwrbot.views.feed_wording import link as linked
from pwrbot.views.sheet import sheet

if TYPE_CHECKING:
    from pwrbot.bot import Bot

PageNumber = app_commands.Range[int, 1]


@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
class Feeds(commands.GroupCog, group_name="feed"):
    """News of sites, brought to a channel or to you."""

    def __init__(self, bot: Bot) -> None:
        super().__init__()
        self._bot = bot
        self._feeds = bot.feeds
        self._imports = Imports(bot)
        group = self.app_command
        assert isinstance(group, app_commands.Group)  # a GroupCog's always is
        group.add_command(FilterCommands(bot))
        group.add_command(TemplateCommands(bot))

    @app_commands.command()
    @app_commands.describe(
        links="Sites, feeds, channels or series: up to 10 links, with spaces or commas between",
        to="This channel, the server's feed channel, or direct messages to you",
        channel="A channel, thread or forum instead of this one",
    )
    async def subscribe(
        self,
        interaction: Interaction,
        links: str,
        to: To | None = None,
        channel: Target | None = None,
    ) -> None:
        """Follow sites: what they publish from now on is posted."""
        await defer(interaction, private=to == "me" and interaction.guild_id is not None)
        asked = split_links(links)
        settings = await self._settings_of(interaction)
        place = place_of(interaction, to, channel, settings)
        require_right(interaction, place.follower, settings)
        where = partial(words_of, follower=place.follower, settings=settings)
        moving = partial(may_move, interaction, place.follower, settings, place.channel_id)
        lines = LinkLines(asked, place.words, where, self._warning(place.follower, settings))
        async with Progress(interaction, self._bot.clock, lines.view) as progress:
            progress.changed()

            def take(index: int, result: LinkResult) -> None:
                lines.take(index, result)
                progress.changed()

            await self._feeds.subscribe_all(
                place.follower,
                asked,
                place.channel_id,
                take,
                may_move=moving if place.named else None,
            )
        await interaction.edit_original_response(view=lines.view())

    @app_commands.command()
    @app_commands.describe(feed="Choose one from the list; part of its name or link finds it")
    async def unsubscribe(self, interaction: Interaction, feed: FeedChoice) -> None:
        """Stop following something."""
        await defer(interaction, private=True)
        asked = await asked_for(self._feeds, interaction, feed)
        await self._require_removal(interaction, asked.follower)
        removed = await self._feeds.unsubscribe(asked.follower, asked.feed_id)
        if removed is None:
            raise Refusal("That isn't followed any more.")
        name = linked(removed.feed.name, removed.feed.source_url)
        note = "To have it back: /feed subscribe with the same link"
        await interaction.edit_original_response(
            view=sheet("Unsubscribed", [f"Nothing more comes from {name}."], note)
        )

    @app_commands.command(name="list")
    @app_commands.describe(whose="This server's feeds or your own", page="Which page to open")
    async def list_(
        self, interaction: Interaction, whose: Whose | None = None, page: PageNumber = 1
    ) -> None:
        """What this server, or you, follow, and what was published last."""
        await defer(interaction, private=whose == "mine" and interaction.guild_id is not None)
        follower = follower_of(interaction, whose)
        settings = await self._settings_of(interaction)
        board = FeedList(
            self._feeds,
            follower,
            interaction.user.id,
            title="Feeds of this server" if follower.kind == "guild" else "Your feeds",
            where=partial(words_of, follower=follower, settings=settings),
            may_remove=has_right(interaction, follower, settings, removing=True),
            require=partial(self._require_removal, follower=follower),
            page=page,
            warning=self._warning(follower, settings),
        )
        await self._bot.boards.open(interaction, board)

    @app_commands.command()
    @app_commands.describe(whose="This server's feeds or your own", page="Which page to open")
    async def health(
        self, interaction: Interaction, whose: Whose | None = None, page: PageNumber = 1
    ) -> None:
        """Whether feeds can be read and their items sent, and if not, why."""
        await defer(interaction, private=True)
        follower = follower_of(interaction, whose)
        settings = await self._settings_of(interaction)
        owner = "this server's" if follower.kind == "guild" else "your"
        board = FeedHealthBoard(
            self._feeds,
            follower,
            interaction.user.id,
            title=f"Health of {owner} feeds",
            where=partial(words_of, follower=follower, settings=settings),
            page=page,
            warning=self._warning(follower, settings),
        )
        await self._bot.boards.open(interaction, board)

    @app_commands.command()
    @app_commands.describe(
        link="What you would follow, or one that is followed already",
        template=HELP,
    )
    async def preview(
        self, interaction: Interaction, link: FeedChoice, template: Template | None = None
    ) -> None:
        """See the newest item of a feed as it would be posted, for you alone."""
        await defer(interaction, private=True)
        await show_preview(interaction, self._bot, link, template)

    @app_commands.command()
    @app_commands.describe(
        enabled="Whether this server's feeds are posted at all",
        channel="Where to, for subscriptions that name no channel",
        subscribe_role="Who may add feeds, besides those who manage the server",
        unsubscribe_role="Who may remove feeds, besides those who manage the server",
        digest_over="More items of a feed at once than this come in one message",
        clear="What to go back to having none of",
    )
    async def settings(
        self,
        interaction: Interaction,
        enabled: bool | None = None,
        channel: Target | None = None,
        subscribe_role: discord.Role | None = None,
        unsubscribe_role: discord.Role | None = None,
        digest_over: app_commands.Range[int, 1, 50] | None = None,
        clear: Clear | None = None,
    ) -> None:
        """Show or change how this server's feeds work; what you leave out stays as it is."""
        await defer(interaction, private=True)
        guild_id = guild_of(interaction)
        require_manager(interaction)
        if channel is not None:
            require_permissions(interaction, channel.id, channel)
        change = partial(
            changed,
            enabled=enabled,
            channel_id=channel and channel.id,
            subscribe_role=subscribe_role,
            unsubscribe_role=unsubscribe_role,
            digest_over=digest_over,
            clear=clear,
        )
        before = await self._bot.settings.get(guild_id)
        after = before
        if change(before) != before:
            after = await self._bot.settings.update(guild_id, change)
        title = "Feeds of this server" if after == before else "In force now"
        await interaction.edit_original_response(view=sheet(title, setting_lines(after.feeds)))

    @app_commands.command()
    @app_commands.describe(
        feed="Choose one from the list", role="Who is pinged with each new item; left out: nobody"
    )
    async def ping(
        self, interaction: Interaction, feed: FeedChoice, role: discord.Role | None = None
    ) -> None:
        """Ping a role with each new item of a feed, or no longer."""
        await defer(interaction, private=True)
        asked = await asked_for(self._feeds, interaction, feed)
        if role is not None and asked.follower.kind == "dm":
            raise Refusal("There are no roles in direct messages.")
        settings = await self._settings_of(interaction)

        def pinging(subscription: FeedSubscription) -> FeedSubscription:
            if role is not None:
                require_pingable(interaction, role, settings, subscription)
            return msgspec.structs.replace(subscription, role_id=None if role is None else role.id)

        one = await change_asked(self._bot, interaction, asked, pinging)
        who = "Nobody is pinged" if role is None else f"<@&{role.id}> is pinged"
        line = f"{who} with new items of {linked(one.feed.name, one.feed.source_url)}."
        await interaction.edit_original_response(view=sheet("In force now", [line]))

    # Files

    @app_commands.command(name="import")
    @app_commands.describe(
        file="An OPML file, as feed readers export it",
        to="This channel, the server's feed channel, or direct messages to you",
        channel="A channel, thread or forum instead of this one",
    )
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        to: To | None = None,
        channel: Target | None = None,
    ) -> None:
        """Follow all that a file lists."""
        await defer(interaction, private=to == "me" and interaction.guild_id is not None)
        settings = await self._settings_of(interaction)
        place = place_of(interaction, to, channel, settings)
        require_right(interaction, place.follower, settings)
        warning = self._warning(place.follower, settings)
        await self._imports.run(interaction, file, place, warning)

    @app_commands.command()
    @app_commands.describe(whose="This server's feeds or your own")
    async def export(self, interaction: Interaction, whose: Whose | None = None) -> None:
        """Get all that this server, or you, follow as an OPML file."""
        await defer(interaction, private=True)
        follower = follower_of(interaction, whose)
        guild = interaction.guild
        name = guild.name if guild is not None and follower.kind == "guild" else "pwrbot"
        await export(interaction, self._bot, follower, f"Feeds of {name}")

    async def _require_removal(self, interaction: Interaction, follower: Follower) -> None:
        settings = await self._settings_of(interaction)
        require_right(interaction, follower, settings, removing=True)

    async def _settings_of(self, interaction: Interaction) -> FeedSettings:
        return await feed_settings(self._bot, interaction)

    def _warning(self, follower: Follower, settings: FeedSettings) -> str:
        return why_nothing_comes(follower, settings, running=self._bot.feeds_enabled)

"""/feed template and /feed preview: what the messages about items look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
import msgspec
from discord import app_commands, ui

from pwrbot.cogs.feed_options import FeedChoice, asked_for, change_asked, chosen
from pwrbot.commands import Refusal
from pwrbot.entities import Feed, FeedSubscription
from pwrbot.feed_sender import pictured_or_not
from pwrbot.feeds.errors import FeedError
from pwrbot.replies import Interaction, defer
from pwrbot.services.feeds import NotFollowed
from pwrbot.views.feed_item import (
    PLACEHOLDERS,
    TEMPLATE_LIMIT,
    Item,
    TemplateError,
    check_template,
    item_view,
)
from pwrbot.views.feed_wording import link as linked

if TYPE_CHECKING:
    from pwrbot.bot import Bot

Template = app_commands.Range[str, 1, TEMPLATE_LIMIT]

_MOST_TEXT = 4000  # of a message, Discord's limit
HELP = f"Text with {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}; \\n begins a new line"


class TemplateCommands(app_commands.Group):
    """What the messages about a feed's items look like."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(name="template", description="What messages about items look like.")
        self._bot = bot
        self._feeds = bot.feeds

    @app_commands.command(name="set")
    @app_commands.describe(feed="Choose one from the list", template=HELP)
    async def set_(self, interaction: Interaction, feed: FeedChoice, template: Template) -> None:
        """Have a feed's items posted in your own words; see one at once."""
        await defer(interaction, private=True)
        await self._change(interaction, feed, _checked(template))

    @app_commands.command()
    @app_commands.describe(feed="Choose one from the list", template=HELP)
    async def preview(
        self, interaction: Interaction, feed: FeedChoice, template: Template | None = None
    ) -> None:
        """See a feed's newest item as it would be posted, and change nothing."""
        await defer(interaction, private=True)
        await show_preview(interaction, self._bot, feed, template)

    @app_commands.command()
    @app_commands.describe(feed="Choose one from the list")
    async def reset(self, interaction: Interaction, feed: FeedChoice) -> None:
        """Go back to the usual layout."""
        await defer(interaction, private=True)
        await self._change(interaction, feed, None)

    async def _change(self, interaction: Interaction, feed: str, template: str | None) -> None:
        asked = await asked_for(self._feeds, interaction, feed)

        def changed(subscription: FeedSubscription) -> FeedSubscription:
            return msgspec.structs.replace(subscription, template=template)

        one = await change_asked(self._bot, interaction, asked, changed)
        newest = await _newest(self._bot, one.feed)
        name = linked(one.feed.name, one.feed.source_url)
        words = "In force now" if template else "Back to the usual layout"
        note = f"-# {words} for {name}"
        await _answer(interaction, newest, note, one.feed.name, template, one.subscription.role_id)


async def show_preview(interaction: Interaction, bot: Bot, text: str, template: str | None) -> None:
    """The newest item of what is followed, or of what a link leads to, as it would be posted."""
    given = None if template is None else _checked(template)
    asked = chosen(interaction, text)
    if asked is not None:
        one = await bot.feeds.one(asked.follower, asked.feed_id)
        if one is None:
            raise NotFollowed
        subscription = one.subscription
        newest = await _newest(bot, one.feed)
        note = f"-# As it would be posted of {linked(one.feed.name, one.feed.source_url)}"
        template, role = given or subscription.template, subscription.role_id
        await _answer(interaction, newest, note, one.feed.name, template, role)
        return
    feed, items = await bot.feeds.look(text)
    note = f"-# As it would be posted of {linked(feed.name, feed.source_url)}"
    await _answer(interaction, list(items[-1:]), note, feed.name, given, None)


async def _newest(bot: Bot, feed: Feed) -> Sequence[Item]:
    """A feed's newest item, from the feed itself where it was never polled; empty for none."""
    stored = await bot.feeds.recent(feed, 1)
    if stored:
        return stored
    try:
        _, items = await bot.feeds.look(feed.source_url)
    except FeedError:
        return []
    return items[-1:]


def _checked(template: str) -> str:
    """The template with its line breaks. Raises Refusal, saying what to change."""
    text = template.replace("\\n", "\n")
    try:
        check_template(text)
    except TemplateError as error:
        raise Refusal(str(error)) from None
    return text


async def _answer(
    interaction: Interaction,
    newest: Sequence[Item],
    note: str,
    feed_name: str,
    template: str | None,
    role_id: int | None,
) -> None:
    """The item below a line of small print; nobody is pinged by a preview."""

    def drawn(picture: bool) -> ui.LayoutView:
        if not newest:
            layout = ui.LayoutView(timeout=None)
            layout.add_item(ui.TextDisplay(f"{note}\nIt shows no items yet."))
            return layout
        layout = item_view(
            newest[0], feed_name=feed_name, template=template, role_id=role_id, picture=picture
        )
        _put_first(layout, note)
        return layout

    nobody = discord.AllowedMentions.none()
    await pictured_or_not(
        lambda picture: interaction.edit_original_response(
            view=drawn(picture), allowed_mentions=nobody
        )
    )


def _put_first(layout: ui.LayoutView, note: str) -> None:
    if layout.content_length() + len(note) > _MOST_TEXT:
        return
    items = list(layout.children)
    layout.clear_items()
    layout.add_item(ui.TextDisplay(note))
    for item in items:
        layout.add_item(item)

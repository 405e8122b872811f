"""/feed filter: which items of a feed are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec
from discord import app_commands

from pwrbot.cogs.feed_options import Asked, FeedChoice, asked_for, change_asked, chosen
from pwrbot.commands import Refusal
from pwrbot.entities import FeedSubscription
from pwrbot.feeds.filters import Filter, FilterError, Rule, RuleField, RuleKind
from pwrbot.replies import Interaction, defer
from pwrbot.services.feed_filters import judge, with_rule, without_rule
from pwrbot.services.feeds import NotFollowed, OneFeed
from pwrbot.views.feed_filter import filter_sheet, rule_words

if TYPE_CHECKING:
    from pwrbot.bot import Bot

TRIED = 10
"""The last items a filter is tried on."""

Kind = Literal["contains", "does not contain", "pattern", "not pattern"]

_KINDS: dict[Kind, tuple[RuleKind, bool]] = {
    "contains": ("contains", False),
    "does not contain": ("contains", True),
    "pattern": ("regex", False),
    "not pattern": ("regex", True),
}


class FilterCommands(app_commands.Group):
    """Which items of a feed are wanted."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(name="filter", description="Which items of a feed are wanted.")
        self._bot = bot
        self._feeds = bot.feeds

    @app_commands.command()
    @app_commands.describe(
        feed="Choose one from the list",
        rule="What an item has to do to be posted",
        text="A word or phrase, or a pattern (RE2); upper and lower case are the same",
        field="Where to look; everywhere if left out",
        only_try="Show what it would do, and change nothing",
    )
    async def add(
        self,
        interaction: Interaction,
        feed: FeedChoice,
        rule: Kind,
        text: str,
        field: RuleField = "any",
        only_try: bool = False,
    ) -> None:
        """Post only what fits: add a rule, and see which of the last items would pass."""
        await defer(interaction, private=True)
        asked = await asked_for(self._feeds, interaction, feed)
        kind, negated = _KINDS[rule]
        added = Rule(text=text, kind=kind, field=field, negated=negated)
        try:
            if only_try:
                one = await self._one(asked)
                rules = with_rule(one.subscription.item_filter, added)
                await self._show(interaction, one, rules, "A try: nothing was changed")
                return
            await self._change(
                interaction, asked, "Rule added", lambda rules: with_rule(rules, added)
            )
        except FilterError as error:
            raise Refusal(str(error)) from None

    @app_commands.command()
    @app_commands.describe(
        feed="Choose one from the list", number="Which rule, by its number in /feed filter show"
    )
    async def remove(
        self, interaction: Interaction, feed: FeedChoice, number: app_commands.Range[int, 1, 20]
    ) -> None:
        """Take a rule away."""
        await defer(interaction, private=True)
        asked = await asked_for(self._feeds, interaction, feed)
        try:
            await self._change(
                interaction, asked, "Rule removed", lambda rules: without_rule(rules, number)
            )
        except IndexError:
            raise Refusal("There is no rule of that number: see /feed filter show.") from None

    @remove.autocomplete("number")
    async def _numbers(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[int]]:
        asked = chosen(interaction, str(getattr(interaction.namespace, "feed", "")))
        one = None if asked is None else await self._feeds.one(asked.follower, asked.feed_id)
        rules = one.subscription.item_filter if one is not None else None
        return [
            app_commands.Choice(name=f"{number}. {rule_words(rule)}"[:100], value=number)
            for number, rule in enumerate(rules.rules if rules else (), 1)
        ]

    @app_commands.command()
    @app_commands.describe(feed="Choose one from the list")
    async def show(self, interaction: Interaction, feed: FeedChoice) -> None:
        """The rules of a feed, and which of its last items pass them."""
        await defer(interaction, private=True)
        asked = await asked_for(self._feeds, interaction, feed)
        one = await self._one(asked)
        await self._show(interaction, one, one.subscription.item_filter, "Filter")

    async def _one(self, asked: Asked) -> OneFeed:
        one = await self._feeds.one(asked.follower, asked.feed_id)
        if one is None:
            raise NotFollowed
        return one

    async def _change(
        self,
        interaction: Interaction,
        asked: Asked,
        title: str,
        change: Callable[[Filter | None], Filter | None],
    ) -> None:
        def changed(subscription: FeedSubscription) -> FeedSubscription:
            rules = change(subscription.item_filter)
            return msgspec.structs.replace(subscription, item_filter=rules)

        one = await change_asked(self._bot, interaction, asked, changed)
        await self._show(interaction, one, one.subscription.item_filter, title)

    async def _show(
        self, interaction: Interaction, one: OneFeed, rules: Filter | None, title: str
    ) -> None:
        judged = await judge(rules, await self._feeds.recent(one.feed, TRIED))
        await interaction.edit_original_response(view=filter_sheet(title, one.feed, rules, judged))

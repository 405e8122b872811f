"""The list of what somebody follows: pages, and for those who may, a way to remove and to undo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from discord import ButtonStyle, ui

from pwrbot.entities import SubscribedFeed
from pwrbot.replies import Interaction
from pwrbot.services.feeds import FeedPage, FeedService, Follower, Removed
from pwrbot.views.feed_wording import link, warned
from pwrbot.views.screens import Screen, page_buttons, turned
from pwrbot.views.wording import count, moment

Where = Callable[[int | None], str]
"""Says where a subscription with this channel goes."""
Require = Callable[[Interaction], Awaitable[None]]
"""Raises where whoever pressed may not remove."""


class FeedList(Screen):
    """Five feeds a page. What was removed stays in its place, to be undone, until a page turns."""

    def __init__(
        self,
        feeds: FeedService,
        follower: Follower,
        invoker_id: int,
        *,
        title: str,
        where: Where,
        may_remove: bool,
        require: Require,
        page: int = 1,
        warning: str = "",
    ) -> None:
        """``warning``: why nothing comes at all, where that is so."""
        super().__init__(invoker_id, "feed list")
        self._feeds = feeds
        self._follower = follower
        self._title = title
        self._where = where
        self._may_remove = may_remove
        self._require = require
        self._warning = warning
        self._shown = FeedPage(rows=[], page=page, pages=1, total=0)
        self._removed: dict[int, Removed] = {}

    async def act(self, control: str, interaction: Interaction) -> None:
        word, _, number = control.partition("-")
        if word == "remove":
            await self._require(interaction)
            removed = await self._feeds.unsubscribe(self._follower, int(number))
            if removed is not None:
                self._removed[int(number)] = removed
                return
            # Somebody else was first: show what there is now.
        elif word == "undo":
            await self._require(interaction)
            if (removed := self._removed.get(int(number))) is not None:
                await self._feeds.restore(removed)
                del self._removed[int(number)]
            return
        page = turned(control, self._shown.page, self._shown.pages)
        self._shown = await self._feeds.page(self._follower, page)
        self._removed = {}

    def items(self, live: bool) -> list[ui.Item[Any]]:
        shown = self._shown
        feeds = count(shown.total - len(self._removed), "feed")
        head = warned(f"### {self._title}\n-# {feeds}", self._warning)
        body: list[ui.Item[Any]] = [ui.TextDisplay(head), ui.Separator()]
        if not shown.rows:
            body.append(ui.TextDisplay("Nothing yet: add something with /feed subscribe."))
        for row in shown.rows:
            body.append(self._row(row, live))
        items: list[ui.Item[Any]] = [ui.Container(*body)]
        if shown.pages > 1:
            buttons = page_buttons(self.control, shown.page, shown.pages, live)
            items.append(ui.ActionRow(*buttons))
        return items

    def _row(self, row: SubscribedFeed, live: bool) -> ui.Item[Any]:
        name = link(row.name, row.source_url)
        removed = row.feed_id in self._removed
        if removed:
            text = ui.TextDisplay(f"{name}\nRemoved: nothing more comes from it.")
        else:
            text = ui.TextDisplay(f"**{name}** · {self._where(row.channel_id)}\n{_newest(row)}")
        if not self._may_remove:
            return text
        word = "undo" if removed else "remove"
        button: ui.Button[Any] = ui.Button(
            label=word.capitalize(),
            style=ButtonStyle.primary if removed else ButtonStyle.secondary,
            custom_id=self.control(f"{word}-{row.feed_id}"),
            disabled=not live,
        )
        return ui.Section(text, accessory=button)


def _newest(row: SubscribedFeed) -> str:
    if row.item_title is None or row.item_published_at is None:
        return "-# nothing published yet"
    title = link(row.item_title or "(without a title)", row.item_url)
    return f"{title} · {moment(row.item_published_at, 'R')}"

"""How feeds are doing: when they were read, what failed and why, what waits to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from discord import ui

from pwrbot.entities import FeedHealth
from pwrbot.replies import Interaction
from pwrbot.services.feeds import FeedService, Follower, HealthPage
from pwrbot.views.feed_wording import link, warned
from pwrbot.views.screens import Screen, page_buttons, turned
from pwrbot.views.wording import count, moment


class FeedHealthBoard(Screen):
    """Five feeds a page."""

    def __init__(
        self,
        feeds: FeedService,
        follower: Follower,
        invoker_id: int,
        *,
        title: str,
        where: Callable[[int | None], str],
        page: int = 1,
        warning: str = "",
    ) -> None:
        """``warning``: why nothing comes at all, where that is so."""
        super().__init__(invoker_id, "feed health")
        self._feeds = feeds
        self._follower = follower
        self._title = title
        self._where = where
        self._warning = warning
        self._shown = HealthPage([], page, page, 0)

    async def act(self, control: str, interaction: Interaction) -> None:
        page = turned(control, self._shown.page, self._shown.pages)
        self._shown = await self._feeds.health(self._follower, page)

    def items(self, live: bool) -> list[ui.Item[Any]]:
        shown = self._shown
        head = warned(f"### {self._title}\n-# {count(shown.total, 'feed')}", self._warning)
        body: list[ui.Item[Any]] = [ui.TextDisplay(head), ui.Separator()]
        texts = ["\n".join(self._lines(row)) for row in shown.rows]
        body += [ui.TextDisplay(text) for text in texts or ["Nothing is followed yet."]]
        items: list[ui.Item[Any]] = [ui.Container(*body)]
        if shown.pages > 1:
            buttons = page_buttons(self.control, shown.page, shown.pages, live)
            items.append(ui.ActionRow(*buttons))
        return items

    def _lines(self, row: FeedHealth) -> list[str]:
        lost = _is_lost(row)
        trouble = row.failures or row.waiting_reason
        sign = "❌" if lost or row.failures >= _WORRYING else "⚠️" if trouble else "✅"
        lines = [
            f"{sign} **{link(row.name, row.source_url, 40)}** · {self._where(row.channel_id)}",
            f"-# Read: {_polls(row)}",
        ]
        if row.failures:
            why = words(READING, row.error)
            lines.append(f"{count(row.failures, 'failure')} in a row: {why}. I keep trying.")
        lines.append(f"-# Items: {_items(row)}")
        if row.waiting_reason:
            lines.append(f"Sending is tried again: {words(SENDING, row.waiting_reason)}.")
        elif lost:
            lines.append(f"Not sent: {words(SENDING, row.given_up_reason)}.")
        return lines


_WORRYING: Final = 5
"""Failures in a row after which it is no passing trouble."""


def _is_lost(row: FeedHealth) -> bool:
    """Whether the last thing that was to be sent was given up; before that is past trouble."""
    if row.last_given_up_at is None:
        return False
    return row.last_sent_at is None or row.last_given_up_at >= row.last_sent_at


def _polls(row: FeedHealth) -> str:
    last = "never yet" if row.succeeded_at is None else moment(row.succeeded_at, "R")
    if row.next_poll_at is None:
        return f"{last} · at it just now"
    return f"{last} · next {moment(row.next_poll_at, 'R')}"


def _items(row: FeedHealth) -> str:
    parts = [
        f"{row.sent:,} sent"
        + (f" (last {moment(row.last_sent_at, 'R')})" if row.last_sent_at else ""),
        f"{row.pending:,} waiting" if row.pending else "",
        f"{row.filtered:,} filtered out" if row.filtered else "",
        f"{row.missed:,} came while feeds were off" if row.missed else "",
        f"{row.given_up:,} given up" if row.given_up else "",
    ]
    return " · ".join(part for part in parts if part)


def words(reasons: Mapping[str, str], name: str | None) -> str:
    """A named reason in plain words; an unknown one by its name."""
    if name is None:
        return "for a reason that wasn't noted"
    return reasons.get(name) or name.replace("_", " ")


READING: Final[dict[str, str]] = {
    "feed": "it could not be read",
    "link": "this kind of link can't be followed any more",
    "not_found": "there is nothing at its address",
    "address": "its address is not on the public internet",
    "not_a_feed": "there is a page in place of the feed",
    "truncated": "it breaks off",
    "too_large": "it is too large",
    "too_complex": "it is built in a way no honest feed is",
    "redirects": "its address leads in circles",
    "forbidden": "the site doesn't let me read it",
    "api": "the site answered in a way I don't understand",
    "dns": "there is no host of that name",
    "refused": "the host can't be reached",
    "timeout": "the host doesn't answer in time",
    "tls": "the host's certificate is not valid",
    "broken": "the answer broke off",
    "server_error": "the host answers with an error",
    "busy": "the host asks for fewer requests",
    "queue": "others of its host come first",
    "storage": "what it shows could not be stored (my log says why)",
}
SENDING: Final[dict[str, str]] = {
    "unknown_channel": "the channel or thread is gone",
    "unknown_server": "the server is gone",
    "not_in_server": "I was not in the server",
    "unknown_user": "the account is gone",
    "missing_access": "I can't see the channel",
    "missing_permission": "I may not post there",
    "closed_dm": "direct messages from me are not allowed",
    "not_a_text_channel": "nothing can be posted to that channel",
    "thread_archived": "the thread is archived",
    "thread_locked": "the thread is locked",
    "tag_required": "posts in that forum need a tag",
    "refused": "Discord refuses it",
    "message_refused": "Discord refuses this message",
    "too_many_dms": "Discord lets me open only so many direct messages at once",
    "discord_unreachable": "Discord can't be reached",
    "no_channel": "no channel is chosen (/feed settings)",
    "internal_error": "something went wrong on my side",
}

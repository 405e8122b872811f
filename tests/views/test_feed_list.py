"""The list of feeds by itself: what is removed, undone, turned, and what fits into a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from discord import ui

from pwrbot.commands import Refusal
from pwrbot.entities import Feed, FeedSubscription, SubscribedFeed
from pwrbot.services.feeds import FeedPage, Follower, Removed
from pwrbot.views.feed_list import FeedList

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)
HOME = Follower("guild", 1)


def row(number: int, name: str = "", title: str | None = "T", url: str | None = None) -> Any:
    at = None if title is None else NOON
    site = url or f"https://{number}.example/"
    return SubscribedFeed(number, name or f"Site {number}", site, None, 5, title, url, at)


class Followed:
    """What a server follows, in place of the service."""

    def __init__(self, rows: list[SubscribedFeed]) -> None:
        self.rows = rows
        self.kept: dict[int, SubscribedFeed] = {}

    async def page(self, _: Follower, page: int) -> FeedPage:
        pages = max(1, -(-len(self.rows) // 5))
        page = min(page, pages)
        shown = self.rows[(page - 1) * 5 : page * 5]
        return FeedPage(shown, page, pages, len(self.rows))

    async def unsubscribe(self, _: Follower, feed_id: int) -> Removed | None:
        found = next((each for each in self.rows if each.feed_id == feed_id), None)
        if found is None:
            return None
        self.rows.remove(found)
        self.kept[feed_id] = found
        feed = Feed("feed", "s", "s", found.name, "", found.source_url, None, (), NOON, feed_id)
        return Removed(feed, FeedSubscription(1, feed_id, 5, NOON), [], NOON)

    async def restore(self, removed: Removed) -> None:
        self.rows.append(self.kept.pop(removed.feed.id))
        self.rows.sort(key=lambda each: each.feed_id)


async def allowed(_: object) -> None:
    return None


async def shown(
    followed: Followed,
    *,
    may_remove: bool = True,
    require: Callable[[Any], Awaitable[None]] = allowed,
) -> FeedList:
    board = FeedList(
        followed,  # type: ignore[arg-type]
        HOME,
        7,
        title="Feeds of this server",
        where=lambda channel_id: f"<#{channel_id}>",
        may_remove=may_remove,
        require=require,
    )
    await act(board, "open")
    return board


async def act(board: FeedList, control: str) -> None:
    await board.act(control, None)  # type: ignore[arg-type]


def layout(board: FeedList, live: bool = True) -> ui.LayoutView:
    made = ui.LayoutView(timeout=None)
    for item in board.items(live):
        made.add_item(item)
    return made


def text(board: FeedList) -> str:
    found = [
        item.content for item in layout(board).walk_children() if isinstance(item, ui.TextDisplay)
    ]
    return "\n".join(map(str, found))


def buttons(board: FeedList, live: bool = True) -> list[ui.Button[Any]]:
    children = layout(board, live).walk_children()
    return [item for item in children if isinstance(item, ui.Button)]


def labels(board: FeedList) -> list[str | None]:
    return [button.label for button in buttons(board) if button.label in ("Remove", "Undo")]


async def test_what_is_removed_stays_to_be_undone_until_a_page_turns() -> None:
    followed = Followed([row(number) for number in range(1, 8)])
    board = await shown(followed)
    assert "7 feeds" in text(board)
    await act(board, "remove-2")
    assert labels(board) == ["Remove", "Undo", "Remove", "Remove", "Remove"]
    assert "6 feeds" in text(board)
    assert "Removed: nothing more comes from it." in text(board)
    await act(board, "undo-2")
    assert labels(board) == ["Remove"] * 5
    assert len(followed.rows) == 7
    await act(board, "remove-2")
    await act(board, "next")
    await act(board, "undo-2")
    assert len(followed.rows) == 6, "what is not shown any more cannot be undone"
    assert "6 feeds" in text(board)


async def test_what_somebody_else_removed_first_is_gone() -> None:
    followed = Followed([row(1), row(2)])
    board = await shown(followed)
    del followed.rows[0]
    await act(board, "remove-1")
    assert labels(board) == ["Remove"]
    assert "Site 1" not in text(board)


async def test_the_right_is_asked_for_at_each_press() -> None:
    async def refuse(_: object) -> None:
        raise Refusal("No.")

    followed = Followed([row(1)])
    board = await shown(followed, require=refuse)
    for control in ("remove-1", "undo-1"):
        with pytest.raises(Refusal):
            await act(board, control)
    assert len(followed.rows) == 1
    assert labels(await shown(followed, may_remove=False)) == []


async def test_an_empty_list_and_a_feed_without_items() -> None:
    assert "add something with /feed subscribe" in text(await shown(Followed([])))
    assert "nothing published yet" in text(await shown(Followed([row(1, title=None)])))
    assert "without a title" in text(await shown(Followed([row(1, title="")])))


async def test_controls_go_off() -> None:
    board = await shown(Followed([row(number) for number in range(1, 8)]))
    assert all(button.disabled for button in buttons(board, live=False))
    assert not all(button.disabled for button in buttons(board))


async def test_the_longest_page_fits_into_a_message() -> None:
    for signs in ("*", "@", "漢", "a:/"):
        url = "https://x.example/" + "(" * 60
        rows = [row(number, signs * 300, signs * 300, url) for number in range(1, 12)]
        board = await shown(Followed(rows))
        assert layout(board).content_length() <= 4000
        assert sum(1 for _ in layout(board).walk_children()) <= 40
        await act(board, "remove-1")
        assert layout(board).content_length() <= 4000

"""Progress by itself: what is shown while links are worked off, and how often it is edited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from discord import ui

from pwrbot.clock import ManualClock
from pwrbot.entities import Feed
from pwrbot.services.feeds import LinkResult, Outcome
from pwrbot.views import feed_progress
from pwrbot.views.feed_progress import PAUSE_SECONDS, LinkLines, Progress, tally
from pwrbot.views.sheet import sheet

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


def result(outcome: Outcome, link: str = "l", name: str = "News") -> LinkResult:
    if outcome == "failed":
        return LinkResult(link, outcome, error="It [broke](https://evil.example) @everyone.")
    feed = Feed("feed", "s", "s", name, "", "https://news.example/", None, (), NOON, 1)
    return LinkResult(link, outcome, feed, channel_id=5)


def where(channel_id: int | None) -> str:
    return f"<#{channel_id}>"


def text(view: ui.LayoutView) -> str:
    return "\n".join(
        item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)
    )


def test_each_link_has_its_line_in_the_order_they_were_typed() -> None:
    lines = LinkLines(["a`b", "c", "d", "e"], "<#5>", where)
    assert "Looking at 4 links, 0 done" in text(lines.view())
    assert "⏳ `a'b`" in text(lines.view())
    lines.take(3, result("already"))
    lines.take(1, result("moved"))
    assert "2 done" in text(lines.view())
    lines.take(0, result("subscribed"))
    lines.take(2, result("failed", "d"))
    shown = text(lines.view()).splitlines()
    assert shown == [
        "### 1 subscribed, 1 moved, 1 there already, 1 failed",
        "✅ Subscribed to [News](<https://news.example/>)",
        "↪️ Moved [News](<https://news.example/>) to <#5>",
        r"❌ `d`: It \[broke\]\(https\://evil.example\) @" + "\u200beveryone.",
        "☑️ Already subscribed to [News](<https://news.example/>), in <#5>",
        "-# To <#5>",
    ]


@pytest.mark.parametrize("outcome", ["subscribed", "already", "moved", "stays", "failed"])
def test_ten_of_the_longest_fit_into_a_message(outcome: Outcome) -> None:
    lines = LinkLines(["x" * 2000] * 10, "<#1234567890123456789>", where)
    assert lines.view().content_length() <= 4000
    for index in range(10):
        lines.take(index, result(outcome, "x" * 2000, "*@" * 500))
    assert lines.view().content_length() <= 4000


def test_a_tally_names_only_what_there_is() -> None:
    assert tally(["failed", "subscribed", "failed"]) == "1 subscribed, 2 failed"
    assert tally([]) == ""


class Edits:
    """An interaction whose message is edited; ``trouble``: what the next edits end with."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.trouble: list[Exception] = []
        self.hold: asyncio.Event | None = None

    async def edit_original_response(self, *, view: ui.LayoutView) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        self.shown.append(text(view))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_edit_comes_at_once_and_the_next_after_a_pause() -> None:
    edits, clock, done = Edits(), ManualClock(NOON), 0

    def draw() -> ui.LayoutView:
        return sheet(str(done), [])

    interaction: Any = edits
    async with Progress(interaction, clock, draw) as progress:
        await settled()
        assert edits.shown == [], "nothing to show yet"
        for _ in range(5):
            done += 1
            progress.changed()
            await settled()
        assert len(edits.shown) == 1
        clock.advance(seconds=PAUSE_SECONDS)
        await settled()
        assert [shown.splitlines()[0] for shown in edits.shown] == ["### 1", "### 5"]
        clock.advance(seconds=PAUSE_SECONDS)
        await settled()
        assert len(edits.shown) == 2, "nothing has changed since"
        progress.changed()
        await settled()
        clock.advance(seconds=PAUSE_SECONDS)
    progress.changed()
    await settled()
    assert len(edits.shown) == 3, "nothing is shown once it is left"


async def test_an_edit_that_is_lost_costs_nothing() -> None:
    edits, clock = Edits(), ManualClock(NOON)
    edits.trouble = [TimeoutError(), OSError()]
    interaction: Any = edits
    async with Progress(interaction, clock, lambda: sheet("x", [])) as progress:
        for _ in range(3):
            progress.changed()
            await settled()
            clock.advance(seconds=PAUSE_SECONDS)
            await settled()
    assert len(edits.shown) == 1


async def test_an_edit_under_way_arrives_before_the_last_one() -> None:
    edits, clock = Edits(), ManualClock(NOON)
    edits.hold = asyncio.Event()
    interaction: Any = edits

    async def work() -> None:
        async with Progress(interaction, clock, lambda: sheet("first", [])) as progress:
            progress.changed()
            await settled()
            progress.changed()
        await interaction.edit_original_response(view=sheet("last", []))

    working = asyncio.create_task(work())
    await settled()
    assert not working.done()
    edits.hold.set()
    await working
    assert [shown.splitlines()[0] for shown in edits.shown] == ["### first", "### last"]


async def test_an_edit_that_hangs_does_not_keep_the_last_one_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_progress, "EDIT_SECONDS", 0.01)
    edits = Edits()
    edits.hold = asyncio.Event()
    interaction: Any = edits
    async with Progress(interaction, ManualClock(NOON), lambda: sheet("x", [])) as progress:
        progress.changed()
        await settled()
    assert edits.shown == []

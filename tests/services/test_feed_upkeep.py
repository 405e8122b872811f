"""Old rows go, and what a clock that ran ahead put off is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pwrbot.repository import Repository
from pwrbot.services.feed_message import Unavailable
from pwrbot.services.feed_upkeep import FeedUpkeep
from tests.services.feed_scene import NOON, FeedScene, item


@pytest.fixture
async def scene(repository: Repository) -> FeedScene:
    return FeedScene(repository)


@pytest.fixture
def upkeep(scene: FeedScene) -> FeedUpkeep:
    return FeedUpkeep(scene.repository, scene.clock, timedelta(days=90))


async def test_old_rows_go_and_nothing_is_sent_again(scene: FeedScene, upkeep: FeedUpkeep) -> None:
    feed = await scene.followed_feed(item("a", published_at=NOON))
    await scene.publish(feed, item("b"), item("c"))
    await scene.outbox.send_due()
    assert await upkeep.remove_old() == 0
    scene.clock.advance(days=91)
    assert await upkeep.remove_old() == 2 + 2
    assert [row.item_id for row in await scene.repository.feed_items.select_all()] == ["c"]
    await scene.publish(feed)
    assert await scene.repository.feed_deliveries.count() == 0, "their ids are still known"


async def test_what_is_pending_is_not_removed(scene: FeedScene, upkeep: FeedUpkeep) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    scene.clock.advance(days=91)
    assert await upkeep.remove_old() == 0
    assert await scene.states() == [("a", "pending", None), ("b", "pending", None)]


async def test_a_clock_that_ran_a_year_ahead(scene: FeedScene, upkeep: FeedUpkeep) -> None:
    scene.clock.advance(days=365)
    feed = await scene.followed_feed()
    scene.discord.trouble = [Unavailable("discord_unreachable")]
    await scene.publish(feed, item("a"))
    assert await scene.outbox.send_due() == 1
    scene.clock.set(NOON)
    assert await scene.outbox.send_due() == 0
    assert await scene.poller.poll_due() == 0
    assert await upkeep.recall() == 3, "a poll, a queue and a subscription"
    assert await scene.outbox.send_due() == 1
    assert await scene.poller.poll_due() == 1
    assert scene.discord.titles == ["Title of a"]
    await scene.publish(feed, item("b"))
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of a", "Title of b"]


async def test_what_is_put_off_as_ever_is_not_recalled(
    scene: FeedScene, upkeep: FeedUpkeep
) -> None:
    feed = await scene.followed_feed()
    scene.discord.trouble = [Unavailable("discord_unreachable")] * 20
    await scene.publish(feed, item("a"))
    for _ in range(12):
        await scene.outbox.send_due()
        assert await upkeep.recall() == 0
        scene.clock.advance(hours=1, minutes=7)

"""Servers that removed the bot: nothing is polled for them, and what they followed waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pwrbot.entities import FeedSubscription, PollOutcome
from pwrbot.feeds.filters import Filter, Rule
from pwrbot.feeds.model import Validators
from pwrbot.repository import Repository
from pwrbot.services.feed_presence import FeedPresence
from pwrbot.shards import Shards
from tests.services.feed_scene import GUILD, HOUR, FeedScene, item

OTHER = GUILD + 1
BOTH = frozenset((GUILD, OTHER))
ONLY_OTHER = frozenset((OTHER,))
NEXT_SHARD = 1 << 22


@pytest.fixture
async def scene(repository: Repository) -> FeedScene:
    return FeedScene(repository)


@pytest.fixture
def presence(scene: FeedScene) -> FeedPresence:
    return FeedPresence(scene.repository, scene.clock)


async def told(scene: FeedScene, who: FeedSubscription) -> list[str]:
    """What a subscriber was told of, whatever became of it."""
    rows = await scene.deliveries()
    return [row.item_id for row in rows if row.subscriber_id == who.subscriber_id]


async def absent(scene: FeedScene) -> dict[int, timedelta]:
    """The servers that are noted as absent, and for how long."""
    subscribers = {row.id: row for row in await scene.repository.subscribers.select_all()}
    return {
        subscribers[row.subscriber_id].target_id: scene.clock.now() - row.since
        for row in await scene.repository.feed_absences.select_all()
    }


def calls(repository: Repository) -> int:
    """How many statements have run."""
    return sum(statement.statistics.calls for statement in repository.statements)


async def test_for_a_server_that_is_gone_nothing_is_polled(
    scene: FeedScene, presence: FeedPresence
) -> None:
    feed = await scene.followed_feed(item("a"))
    await presence.look(BOTH)
    assert await absent(scene) == {}

    await presence.look(ONLY_OTHER)
    scene.source.polled.clear()
    await scene.publish(feed, item("b"))

    assert await absent(scene) == {GUILD: 7 * HOUR}
    assert scene.source.polled == []
    assert await scene.deliveries() == []


async def test_who_is_there_is_told_and_who_is_gone_is_not(
    scene: FeedScene, presence: FeedPresence
) -> None:
    feed = await scene.feed("news", item("a"))
    gone = await scene.follow(feed)
    here = await scene.follow(feed, guild_id=OTHER)
    member = await scene.follow(feed, user_id=GUILD)
    await scene.poller.poll_due()

    await presence.look(ONLY_OTHER)
    await scene.publish(feed, item("b"))

    assert await told(scene, gone) == []
    assert await told(scene, here) == await told(scene, member) == ["b"]


async def test_a_feed_claimed_before_the_return_is_not_put_off(
    scene: FeedScene, presence: FeedPresence
) -> None:
    """As followed by nobody, by a poll whose outcome is stored after it: for hours."""
    feed = await scene.followed_feed(item("a"))
    await presence.look(ONLY_OTHER)
    scene.clock.advance(hours=7)
    now = scene.clock.now()
    [claimed] = await scene.repository.feed_polls.claim(
        claimed_by="other", now=now, until=now + HOUR, limit=9
    )
    assert not claimed.followed
    await presence.look(BOTH)
    outcome = PollOutcome(
        feed.id, 6 * 3600, 3600, None, None, None, None, 0, None, succeeded=False, changed=False
    )
    await scene.repository.feed_polls.finish(
        claimed_by="other", now=now, feed_ids=[feed.id], outcomes=(outcome,)
    )
    scene.clock.advance(minutes=1)
    assert await scene.poller.poll_due() == 0
    await presence.look(BOTH)
    assert await scene.poller.poll_due() == 1


async def test_who_is_back_finds_all_as_it_was_and_hears_what_comes_from_then_on(
    scene: FeedScene, presence: FeedPresence
) -> None:
    feed = await scene.feed("news", item("a"))
    rules = Filter((Rule("spoiler"),))
    before = await scene.follow(feed, role_id=9, item_filter=rules, template="{title}")
    await scene.poller.poll_due()
    await presence.look(ONLY_OTHER)
    gone = scene.clock.now()
    scene.source.shows["news"] = [item("a"), item("dated", published_at=gone + HOUR), item("b")]
    scene.clock.advance(hours=400)
    await scene.poller.poll_due()
    scene.clock.advance(hours=1)
    back = scene.clock.now()
    scene.source.polled.clear()

    await presence.look(BOTH)

    await scene.poller.poll_due()
    assert scene.source.polled == [("news", Validators(None, None, None))], "at once"
    assert await scene.repository.feed_items.count() == 3
    assert await scene.deliveries() == []
    after = await scene.repository.feed_subscriptions.select((before.subscriber_id, feed.id))
    assert after is not None
    assert (after.channel_id, after.role_id, after.item_filter, after.template) == (
        *(before.channel_id, 9, rules, "{title}"),
    )
    await scene.publish(feed, item("old", published_at=back - HOUR), item("c"))
    assert await told(scene, before) == ["old", "c"], "a feed that tells of it late tells of it now"
    assert await absent(scene) == {}


async def test_who_is_back_is_told_nothing_old_of_a_feed_that_others_kept_polled(
    scene: FeedScene, presence: FeedPresence
) -> None:
    feed = await scene.feed("news", item("a"))
    gone = await scene.follow(feed)
    here = await scene.follow(feed, guild_id=OTHER)
    await scene.poller.poll_due()
    await presence.look(ONLY_OTHER)
    await scene.publish(feed, item("b"))
    back = scene.clock.now() + HOUR
    scene.source.shows["news"] = [
        *(item("a"), item("b"), item("c"), item("old", published_at=back - HOUR)),
    ]
    scene.clock.advance(hours=1)

    await presence.look(BOTH)

    scene.clock.advance(minutes=1)
    await scene.poller.poll_due()
    assert await told(scene, gone) == []
    assert await told(scene, here) == ["b", "c", "old"]
    await scene.publish(feed, item("d", published_at=back + HOUR))
    assert await told(scene, gone) == ["d"]


async def test_what_was_waiting_is_left_to_the_sender(
    scene: FeedScene, presence: FeedPresence
) -> None:
    feed = await scene.followed_feed(item("a"))
    await scene.publish(feed, item("b"))
    await presence.look(ONLY_OTHER)
    assert await scene.states() == [("b", "pending", None)]
    assert await scene.outbox.send_due() == 1


async def test_while_nothing_changes_the_database_is_not_asked(
    scene: FeedScene, presence: FeedPresence
) -> None:
    await scene.followed_feed()
    await presence.look(ONLY_OTHER)
    before = calls(scene.repository)
    scene.clock.advance(hours=1)
    await presence.look(frozenset((OTHER,)))
    assert calls(scene.repository) == before
    await presence.look(frozenset())
    assert calls(scene.repository) == before + 2
    assert await absent(scene) == {GUILD: HOUR}, "since it went, not since the last look"


async def test_a_server_that_went_or_came_while_the_bot_was_down(
    scene: FeedScene, presence: FeedPresence
) -> None:
    await scene.followed_feed()
    await FeedPresence(scene.repository, scene.clock).look(BOTH)
    await FeedPresence(scene.repository, scene.clock).look(ONLY_OTHER)
    assert set(await absent(scene)) == {GUILD}
    await FeedPresence(scene.repository, scene.clock).look(BOTH)
    assert await absent(scene) == {}


async def test_what_could_not_be_written_is_written_at_the_next_look(
    scene: FeedScene, presence: FeedPresence, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await scene.followed_feed(item("a"))
    await presence.look(ONLY_OTHER)
    wake_all = type(scene.repository.feed_polls).wake_all

    async def fail(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(type(scene.repository.feed_polls), "wake_all", fail)
    with pytest.raises(ZeroDivisionError):
        await presence.look(BOTH)
    assert set(await absent(scene)) == {GUILD}, "all of it or nothing"
    monkeypatch.setattr(type(scene.repository.feed_polls), "wake_all", wake_all)
    await presence.look(BOTH)
    assert await absent(scene) == {}
    scene.source.polled.clear()
    await scene.poller.poll_due()
    assert scene.source.names == [feed.source_id]


async def test_servers_of_other_shards_are_other_processes(scene: FeedScene) -> None:
    feed = await scene.feed("news", item("a"))
    for guild_id in (GUILD, NEXT_SHARD, 2 * NEXT_SHARD):
        await scene.follow(feed, guild_id=guild_id)
    first = FeedPresence(scene.repository, scene.clock, Shards((0,), 2))
    second = FeedPresence(scene.repository, scene.clock, Shards((1,), 2))
    await first.look(frozenset((GUILD,)))
    assert set(await absent(scene)) == {2 * NEXT_SHARD}
    await second.look(frozenset())
    assert set(await absent(scene)) == {NEXT_SHARD, 2 * NEXT_SHARD}
    await first.look(frozenset((GUILD, 2 * NEXT_SHARD)))
    assert set(await absent(scene)) == {NEXT_SHARD}

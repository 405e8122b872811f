"""What is polled when, what is new in it, and that no two processes poll the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from pwrbot.entities import FeedPoll
from pwrbot.feeds.errors import FeedNotFound, HostBusy, HostQueue, HostUnreachable
from pwrbot.feeds.model import Polled, Validators
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_schedule import Rhythm
from tests.services.feed_scene import HOUR, NOON, FeedScene, item


@pytest.fixture
async def scene(repository: Repository) -> FeedScene:
    return FeedScene(repository)


@pytest.fixture
async def other(migrated_url: str) -> AsyncIterator[Repository]:
    """Another process's view of the same database."""
    opened = await Repository.open(migrated_url)
    yield opened
    await opened.close()


async def poll_of(scene: FeedScene, feed_id: int) -> FeedPoll:
    found = await scene.repository.feed_polls.select(feed_id)
    assert found is not None
    return found


def calls(repository: Repository) -> int:
    """How many statements have run."""
    return sum(statement.statistics.calls for statement in repository.statements)


async def test_the_first_poll_announces_nothing_and_the_next_what_is_new(scene: FeedScene) -> None:
    feed = await scene.followed_feed(item("a"), item("b"))
    assert await scene.deliveries() == []
    assert await scene.repository.feed_items.count() == 2

    await scene.publish(feed, item("c"), item("d"), item("e"))

    assert await scene.states() == [(name, "pending", None) for name in "cde"]
    latest = await scene.repository.feed_items.latest(feed_id=feed.id)
    assert latest is not None


async def test_who_comes_later_is_told_of_nothing_old(scene: FeedScene) -> None:
    feed = await scene.followed_feed(item("a"))
    scene.clock.advance(hours=6)
    came = scene.clock.now()
    late = await scene.follow(feed, user_id=7)
    old, new = came - HOUR, came + timedelta(minutes=30)
    future = came + timedelta(days=400)

    await scene.publish(
        feed,
        item("old", published_at=old),
        item("undated"),
        item("future", published_at=future),
        item("new", published_at=new),
    )

    of_late = [d.item_id for d in await scene.deliveries() if d.subscriber_id == late.subscriber_id]
    assert of_late == ["new"], "what they may have missed may be new to the bot alone"
    await scene.publish(feed, item("next"))
    of_late = [d.item_id for d in await scene.deliveries() if d.subscriber_id == late.subscriber_id]
    assert of_late == ["new", "next"]


async def test_an_edited_item_is_not_told_again(scene: FeedScene) -> None:
    feed = await scene.followed_feed(item("a", "Before", published_at=NOON - HOUR))
    scene.source.shows["news"] = [item("a", "After", published_at=NOON + HOUR, summary="More")]
    await scene.publish(feed)
    assert await scene.deliveries() == []
    row = await scene.repository.feed_items.select((feed.id, "a"))
    assert row is not None
    assert (row.title, row.summary) == ("After", "More")
    assert row.published_at == row.found_at == NOON, "never after it was found"


async def test_future_and_missing_dates(scene: FeedScene) -> None:
    feed = await scene.followed_feed(item("a", published_at=NOON + 900 * HOUR), item("b"))
    for name in "ab":
        row = await scene.repository.feed_items.select((feed.id, name))
        assert row is not None
        assert row.published_at == row.found_at
    order = [row.item_id for row in await scene.repository.feed_items.select_all()]
    assert order == ["a", "b"]


async def test_the_same_id_twice(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a", "One"), item("a", "Two"))
    assert await scene.states() == [("a", "pending", None)]


async def test_ten_thousand_items_at_once(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, *(item(str(number)) for number in range(10_000)))
    assert await scene.repository.feed_deliveries.count() == 10_000
    assert await scene.outbox.send_due() == 1
    assert scene.discord.titles == ["10000"]
    assert {row.state for row in await scene.deliveries()} == {"sent"}


async def test_a_feed_that_floods_is_polled_seldom(scene: FeedScene) -> None:
    """As often as its dates say, it would fill the disk with what nobody reads."""
    feed = await scene.followed_feed(*(item(str(n), published_at=NOON) for n in range(600)))
    assert (await poll_of(scene, feed.id)).interval_seconds == 300, "the first poll is none"
    now = scene.clock.now() + 7 * HOUR
    await scene.publish(feed, *(item(f"new{n}", published_at=now) for n in range(600)))
    assert (await poll_of(scene, feed.id)).interval_seconds == 6 * 3600
    now += 7 * HOUR
    await scene.publish(feed, *(item(f"few{n}", published_at=now) for n in range(20)))
    assert (await poll_of(scene, feed.id)).interval_seconds == 300


async def test_what_is_not_followed_is_not_polled(scene: FeedScene) -> None:
    feed = await scene.feed("news", item("a"))
    assert await scene.poller.poll_due() == 1
    assert scene.source.polled == []
    await scene.follow(feed)
    await scene.repository.feed_polls.wake(
        feed_id=feed.id, interval_seconds=3600, now=scene.clock.now()
    )
    await scene.poller.poll_due()
    assert scene.source.names == ["news"]


async def test_what_the_last_poll_left_is_given_to_the_next(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    left = Validators('"e"', "Thu", "hash")
    scene.source.shows["news"] = Polled(items=(item("a"),), validators=left)
    await scene.poller.poll_due()
    scene.source.shows["news"] = Polled(not_modified=True, validators=left)
    scene.clock.advance(hours=7)
    await scene.poller.poll_due()
    assert scene.source.polled == [("news", Validators()), ("news", left)]
    poll = await poll_of(scene, feed.id)
    assert poll.succeeded_at == NOON + 7 * HOUR
    assert poll.changed_at == NOON
    assert poll.claimed_by is None


async def test_a_feed_that_moved(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows["news"] = Polled(
        items=(item("a"),), moved_to="https://new.example/", name="New name"
    )
    await scene.poller.poll_due()
    row = await scene.repository.feeds.select(feed.id)
    assert row is not None
    assert (row.items_id, row.name) == ("https://new.example/", "New name")


async def test_failures_wait_twice_as_long_up_to_a_day_and_never_end(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows["news"] = HostUnreachable("dns")
    waits: list[timedelta] = []
    for failures in range(1, 14):
        assert await scene.poller.poll_due() == 1
        poll = await poll_of(scene, feed.id)
        assert (poll.failures, poll.error) == (failures, "dns")
        waits.append(poll.next_poll_at - scene.clock.now())
        scene.clock.set(poll.next_poll_at)
    assert timedelta(minutes=4.5) <= waits[0] <= timedelta(minutes=5)
    assert all(later > sooner for sooner, later in pairwise(waits[:9]))
    assert max(waits) <= timedelta(days=1)
    assert waits[-1] >= timedelta(hours=21)
    scene.source.shows["news"] = [item("a")]
    await scene.poller.poll_due()
    poll = await poll_of(scene, feed.id)
    assert (poll.failures, poll.error) == (0, None)
    assert poll.next_poll_at - scene.clock.now() < timedelta(hours=7)


async def test_not_found_is_not_gone(scene: FeedScene) -> None:
    feed = await scene.followed_feed(item("a"))
    scene.source.shows["news"] = FeedNotFound()
    scene.clock.advance(hours=7)
    await scene.poller.poll_due()
    assert (await poll_of(scene, feed.id)).error == "not_found"
    assert await scene.repository.feed_subscriptions.count() == 1
    scene.source.shows["news"] = [item("a"), item("b")]
    await scene.publish(feed)
    assert await scene.states() == [("b", "pending", None)]


async def test_a_host_that_asks_for_patience(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows["news"] = HostBusy(timedelta(hours=3))
    await scene.poller.poll_due()
    assert (await poll_of(scene, feed.id)).next_poll_at == NOON + 3 * HOUR
    scene.clock.advance(hours=3)
    scene.source.shows["news"] = Polled(items=(item("a"),), next_hint=timedelta(hours=20))
    await scene.poller.poll_due()
    assert (await poll_of(scene, feed.id)).next_poll_at == NOON + 23 * HOUR


async def test_whose_turn_has_not_come_has_not_failed(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows["news"] = HostUnreachable("dns")
    await scene.poller.poll_due()
    scene.clock.advance(minutes=6)
    scene.source.shows["news"] = HostQueue(timedelta(minutes=1))
    await scene.poller.poll_due()
    poll = await poll_of(scene, feed.id)
    assert (poll.failures, poll.error) == (1, "dns"), "as it was before"
    wait = poll.next_poll_at - scene.clock.now()
    assert timedelta(minutes=1) <= wait <= timedelta(seconds=90)


async def test_a_first_poll_that_breaks_off_is_none(scene: FeedScene) -> None:
    """The rest of it is old as well."""
    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows["news"] = Polled(items=(item("new"),), complete=False)
    await scene.poller.poll_due()
    assert (await poll_of(scene, feed.id)).error == "truncated"
    scene.source.shows["news"] = [item("old"), item("new")]
    await scene.publish(feed)
    assert await scene.deliveries() == []
    await scene.publish(feed, item("next"))
    assert await scene.states() == [("next", "pending", None)]


async def test_a_feed_that_always_breaks_off_is_told_all_the_same(scene: FeedScene) -> None:
    feed = await scene.feed()
    await scene.follow(feed)
    for shown in ("a", "ab", "abc", "abcd", "abcde"):
        items = tuple(map(item, shown))
        scene.source.shows["news"] = Polled(items=items, complete=False)
        await scene.poller.poll_due()
        scene.clock.advance(hours=7)
    assert (await poll_of(scene, feed.id)).failures == 0
    assert await scene.states() == [("e", "pending", None)]


@pytest.mark.parametrize("error", [RuntimeError, DatabaseError])
async def test_items_that_cannot_be_stored_are_no_success(
    scene: FeedScene, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def refuse(*_: object, **__: object) -> int:
        raise error

    feed = await scene.followed_feed(item("a"))
    with monkeypatch.context() as patched, capture_logs():
        patched.setattr("pwrbot.services.feed_poller.take_in", refuse)
        await scene.publish(feed, item("b"))
        poll = await poll_of(scene, feed.id)
        assert (poll.failures, poll.error, poll.claimed_by) == (1, "storage", None)
        assert poll.next_poll_at - scene.clock.now() == timedelta(minutes=1)
        scene.clock.advance(minutes=1)
        await scene.poller.poll_due()
        poll = await poll_of(scene, feed.id)
        assert poll.next_poll_at - scene.clock.now() > timedelta(minutes=9), "ever less often"
    scene.clock.advance(minutes=11)
    await scene.poller.poll_due()
    assert await scene.states() == [("b", "pending", None)]


async def test_an_error_nobody_thought_of_stops_nothing(scene: FeedScene) -> None:
    class Broken(dict[str, object]):
        def get(self, *_: object) -> object:
            raise ZeroDivisionError

    feed = await scene.feed()
    await scene.follow(feed)
    scene.source.shows = Broken()  # type: ignore[assignment]
    with capture_logs() as logs:
        await scene.poller.poll_due()
    assert (await poll_of(scene, feed.id)).error == "ZeroDivisionError"
    assert [entry["event"] for entry in logs] == ["feed_poll_failed", "feed_failed"]


async def test_nothing_new_costs_two_statements_for_a_hundred_feeds(scene: FeedScene) -> None:
    for number in range(400):
        feed = await scene.feed(f"feed{number}", item("a", published_at=NOON - HOUR))
        await scene.follow(feed)
    await scene.poller.poll_due()
    scene.clock.advance(hours=7)
    before = calls(scene.repository)
    assert await scene.poller.poll_due() == 400
    # One more claim finds nothing due.
    assert calls(scene.repository) - before <= 2 * 4 + 1


# Several processes


async def test_two_processes_share_the_feeds(scene: FeedScene, other: Repository) -> None:
    for number in range(30):
        await scene.follow(await scene.feed(f"feed{number}", item("a")))
    second = scene.make_poller("two", other, batch=4)
    first = scene.make_poller("one", batch=4)
    for _ in range(3):
        scene.source.polled.clear()
        done = await asyncio.gather(first.poll_due(), second.poll_due())
        assert sum(done) == 30
        assert len(scene.source.names) == len(set(scene.source.names)) == 30
        scene.clock.advance(hours=7)


async def test_what_a_dead_process_held_is_polled_by_another(
    scene: FeedScene, other: Repository
) -> None:
    feed = await scene.feed("news", item("a"))
    await scene.follow(feed)
    await scene.repository.feed_polls.claim(
        claimed_by="dead", now=NOON, until=NOON + timedelta(seconds=45), limit=10
    )
    living = scene.make_poller("living", other)
    assert await living.poll_due() == 0
    scene.clock.advance(seconds=46)
    assert await living.poll_due() == 1


async def test_a_claim_is_kept_while_a_poll_takes_long(scene: FeedScene, other: Repository) -> None:
    feed = await scene.feed("news", item("a"))
    await scene.follow(feed)
    scene.source.hold = asyncio.Event()
    polling = asyncio.create_task(scene.poller.run())
    rival = scene.make_poller("two", other)
    await scene.source.asked.wait()
    for _ in range(10):  # more than two leases
        await _asleep(scene)
        scene.clock.advance(seconds=10)
        await _asleep(scene)
        assert await rival.poll_due() == 0
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    await scene.poller.stop()
    scene.source.hold.set()
    assert await rival.poll_due() == 1, "a process that stops leaves it to others at once"


async def test_an_outcome_that_comes_too_late_changes_nothing(
    scene: FeedScene, other: Repository
) -> None:
    feed = await scene.feed("news", item("a"))
    await scene.follow(feed)
    scene.source.hold = asyncio.Event()
    slow = asyncio.create_task(scene.poller.poll_due())
    await scene.source.asked.wait()
    # As if the first process had slept, not even renewing its claim.
    now = NOON + timedelta(minutes=5)
    taken = await other.feed_polls.claim(
        claimed_by="two", now=now, until=now + timedelta(seconds=45), limit=1
    )
    assert len(taken) == 1
    scene.source.hold.set()
    await slow
    poll = await poll_of(scene, feed.id)
    assert (poll.claimed_by, poll.next_poll_at) == ("two", now + timedelta(seconds=45))


async def _asleep(scene: FeedScene) -> None:
    """Let whatever can go on do so, until it sleeps again."""
    for _ in range(20):
        await asyncio.sleep(0.005)


# The schedule by itself


def test_the_interval_follows_how_often_a_feed_publishes() -> None:
    rhythm = Rhythm(timedelta(minutes=5), timedelta(hours=6))
    start = timedelta(hours=1)
    hourly = [item(str(n), published_at=NOON - n * HOUR) for n in range(1, 30)]
    daily = [item(str(n), published_at=NOON - n * 24 * HOUR) for n in range(1, 30)]
    undated = [item("a"), item("b"), item("c")]
    assert rhythm.next_interval(start, hourly, NOON, changed=True) == timedelta(minutes=15)
    assert rhythm.next_interval(start, daily, NOON, changed=True) == timedelta(hours=6)
    assert rhythm.next_interval(start, undated, NOON, changed=True) == timedelta(minutes=30)
    assert rhythm.next_interval(start, undated, NOON, changed=False) == timedelta(minutes=66)
    assert rhythm.next_interval(rhythm.most, (), NOON, changed=False) == rhythm.most
    assert rhythm.next_interval(rhythm.least, (), NOON, changed=True) == rhythm.least

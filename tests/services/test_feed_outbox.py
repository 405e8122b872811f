"""What is pending is sent in order, once, and what cannot be sent says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from pwrbot.feeds.filters import Filter, Rule
from pwrbot.repository import Repository
from pwrbot.services.feed_message import Refused, Unavailable
from pwrbot.services.feed_outbox import GIVE_UP_AFTER, FeedOutbox
from tests.services.feed_scene import GUILD, FeedScene, item


@pytest.fixture
async def scene(repository: Repository) -> FeedScene:
    return FeedScene(repository)


@pytest.fixture
async def other(migrated_url: str) -> AsyncIterator[Repository]:
    """Another process's view of the same database."""
    opened = await Repository.open(migrated_url)
    yield opened
    await opened.close()


async def test_items_are_sent_in_their_order(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"), item("c"))
    assert await scene.outbox.send_due() == 1
    assert scene.discord.titles == ["Title of a", "Title of b", "Title of c"]
    assert [m.again for m in scene.discord.sent] == [True, False, False]
    first = scene.discord.sent[0]
    assert (first.kind, first.target_id, first.channel_id) == ("guild", GUILD, 5)
    assert [(d.state, d.message_id) for d in await scene.deliveries()] == [
        ("sent", 1),
        ("sent", 2),
        ("sent", 3),
    ]
    assert await scene.outbox.send_due() == 0
    await scene.publish(feed, item("d"))
    await scene.outbox.send_due()
    assert scene.discord.titles[3:] == ["Title of d"]


async def test_everybody_is_told_where_they_want(scene: FeedScene) -> None:
    feed = await scene.followed_feed(channel_id=None, role_id=9, template="{title}")
    await scene.follow(feed, user_id=7)
    await scene.choose(channel_id=77)
    await scene.publish(feed)
    await scene.publish(feed, item("a"))
    await scene.outbox.send_due()
    found = {(m.kind, m.target_id, m.channel_id, m.role_id) for m in scene.discord.sent}
    assert found == {("guild", GUILD, 77, 9), ("dm", 7, None, None)}


async def test_more_than_the_set_number_is_one_digest(scene: FeedScene) -> None:
    await scene.choose(digest_over=2)
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of a", "Title of b"]
    await scene.publish(feed, *(item(str(number)) for number in range(12)))
    await scene.outbox.send_due()
    digest = scene.discord.sent[2]
    assert (digest.total, [i.item_id for i in digest.items]) == (12, [str(n) for n in range(2, 12)])
    assert {d.message_id for d in await scene.deliveries()} == {1, 2, 3}


async def test_a_filter_keeps_items_back_and_says_so(scene: FeedScene) -> None:
    rules = Filter((Rule("cat"), Rule("dog", negated=True)))
    feed = await scene.followed_feed(item_filter=rules)
    many = [item(f"n{number}", "no") for number in range(300)]
    await scene.publish(
        feed, item("a", "A cat"), item("b", "Cat and dog"), *many, item("c", "Cats")
    )
    await scene.outbox.send_due()
    assert scene.discord.titles == ["A cat", "Cats"]
    states = await scene.states()
    assert states.count(("b", "skipped", "filtered")) == 1
    assert len([state for state in states if state[1:] == ("skipped", "filtered")]) == 301


async def test_what_is_found_while_feeds_are_off_is_not_sent_later(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.choose(enabled=False)
    await scene.publish(feed, item("a"))
    await scene.outbox.send_due()
    await scene.choose(enabled=True)
    await scene.publish(feed, item("b"))
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of b"]
    assert await scene.states() == [("a", "skipped", "feeds_disabled"), ("b", "sent", None)]


async def test_a_server_without_a_channel(scene: FeedScene) -> None:
    feed = await scene.followed_feed(channel_id=None)
    await scene.publish(feed, item("a"))
    await scene.outbox.send_due()
    assert await scene.states() == [("a", "given_up", "no_channel")]


async def test_what_discord_will_never_take_is_given_up_at_once(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    scene.discord.trouble = [Refused("missing_permission")]
    await scene.outbox.send_due()
    assert await scene.states() == [
        ("a", "given_up", "missing_permission"),
        ("b", "given_up", "missing_permission"),
    ]
    subscriber = await scene.repository.subscribers.by_target(kind="guild", target_id=GUILD)
    assert subscriber is not None
    (health,) = await scene.repository.feed_subscriptions.health(
        subscriber_id=subscriber.id, limit=5, offset=0
    )
    assert (health.given_up, health.given_up_reason) == (2, "missing_permission")
    await scene.publish(feed, item("c"))
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of c"], "the next item tries anew"


async def test_one_message_that_is_refused_does_not_hold_up_the_next(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    scene.discord.trouble = [Refused("message_refused", only_this=True)]
    await scene.outbox.send_due()
    assert await scene.states() == [("a", "given_up", "message_refused"), ("b", "sent", None)]


async def test_trouble_that_may_pass_is_waited_out_in_order(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    scene.discord.trouble = [None, Unavailable("discord_answers_503"), Unavailable("x")]
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of a"]
    (queue,) = await scene.repository.feed_queues.select_all()
    assert (queue.attempts, queue.reason, queue.claimed_by) == (1, "discord_answers_503", None)
    assert queue.due_at is not None
    assert timedelta(seconds=4) < queue.due_at - scene.clock.now() < timedelta(seconds=6)
    # Another process, after a restart, goes on where this one was.
    successor = scene.make_outbox("two")
    assert await successor.send_due() == 0
    scene.clock.advance(seconds=6)
    await successor.send_due()
    scene.clock.advance(seconds=12)
    await successor.send_due()
    assert scene.discord.titles == ["Title of a", "Title of b"]
    (queue,) = await scene.repository.feed_queues.select_all()
    assert (queue.due_at, queue.attempts, queue.reason) == (None, 0, None)


async def test_trouble_that_does_not_pass_is_given_up_after_days(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))
    found = scene.clock.now()
    while (await scene.states())[0][1] == "pending":
        scene.discord.trouble = [Unavailable("discord_unreachable")]
        await scene.outbox.send_due()
        scene.clock.advance(minutes=67)
    assert await scene.states() == [("a", "given_up", "discord_unreachable")]
    assert GIVE_UP_AFTER <= scene.clock.now() - found < GIVE_UP_AFTER + timedelta(hours=3)


async def test_old_items_are_not_given_up_at_the_first_trouble(scene: FeedScene) -> None:
    """The bot itself was off for days."""
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))
    scene.clock.advance(days=5)
    scene.discord.trouble = [Unavailable("discord_unreachable")]
    await scene.outbox.send_due()
    assert await scene.states() == [("a", "pending", None)]
    scene.clock.advance(minutes=1)
    await scene.outbox.send_due()
    assert await scene.states() == [("a", "sent", None)]


async def test_a_message_whose_answer_was_lost_is_sent_with_the_same_nonce(
    scene: FeedScene,
) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))

    async def lose(message: object) -> int:
        await taken(message)  # type: ignore[arg-type]
        raise Unavailable("discord_unreachable")

    taken, scene.discord.send = scene.discord.send, lose  # type: ignore[method-assign]
    await scene.outbox.send_due()
    assert (await scene.states())[0][1] == "pending"
    scene.discord.send = taken  # type: ignore[method-assign]
    scene.clock.advance(minutes=1)
    await scene.outbox.send_due()
    assert scene.discord.titles == ["Title of a"], "Discord knows the nonce"
    assert await scene.states() == [("a", "sent", None)]
    assert all(len(nonce) <= 25 for nonce in scene.discord.by_nonce)


async def test_what_comes_in_meanwhile_is_not_overlooked(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))
    scene.discord.hold = asyncio.Event()
    sending = asyncio.create_task(scene.outbox.send_due())
    await scene.discord.asked.wait()
    await scene.repository.feed_polls.wake(
        feed_id=feed.id, interval_seconds=60, now=scene.clock.now()
    )
    shown = scene.source.shows["news"]
    scene.source.shows["news"] = (*shown, item("b"))  # type: ignore[misc]
    await scene.poller.poll_due()
    scene.discord.hold.set()
    await sending
    assert scene.discord.titles == ["Title of a", "Title of b"]


async def test_two_processes_send_each_item_once(scene: FeedScene, other: Repository) -> None:
    feed = await scene.feed("news")
    for user_id in range(1, 60):
        await scene.follow(feed, user_id=user_id)
    await scene.poller.poll_due()
    await scene.publish(feed, item("a"), item("b"), item("c"))
    one = scene.make_outbox("one", at_once=7)
    two = scene.make_outbox("two", other, at_once=7)
    await asyncio.gather(one.send_due(), two.send_due())
    assert len(scene.discord.sent) == 59 * 3
    for user_id in range(1, 60):
        mine = [m.items[0].item_id for m in scene.discord.sent if m.target_id == user_id]
        assert mine == ["a", "b", "c"]


async def test_a_claim_is_kept_while_a_message_takes_long(
    scene: FeedScene, other: Repository
) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))
    scene.discord.hold = asyncio.Event()
    sending = asyncio.create_task(scene.outbox.send_due())
    rival = scene.make_outbox("two", other)
    await scene.discord.asked.wait()
    for _ in range(8):
        await asyncio.sleep(0.1)
        scene.clock.advance(seconds=15)
        await asyncio.sleep(0.1)
        assert await rival.send_due() == 0
    scene.discord.hold.set()
    await sending
    assert scene.discord.titles == ["Title of a"]


async def test_who_has_lost_a_claim_sends_no_more(scene: FeedScene, other: Repository) -> None:
    """As when this machine slept: another process has sent the rest, maybe long ago."""
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"), item("c"))
    scene.discord.hold = asyncio.Event()
    sending = asyncio.create_task(scene.outbox.send_due())
    await scene.discord.asked.wait()
    later = scene.clock.now() + timedelta(minutes=10)
    taken = await other.feed_queues.claim(
        claimed_by="two", now=later, until=later + timedelta(minutes=1), limit=9
    )
    assert len(taken) == 1
    await asyncio.sleep(0.05)
    scene.clock.advance(seconds=15)
    async with asyncio.timeout(20):
        while not scene.outbox._lost:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    scene.discord.hold.set()
    await sending
    assert scene.discord.titles == ["Title of a"], "the one that was under way"


async def test_what_a_dead_process_held_is_sent_by_another(
    scene: FeedScene, other: Repository
) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"))
    now = scene.clock.now()
    await scene.repository.feed_queues.claim(
        claimed_by="dead", now=now, until=now + timedelta(seconds=45), limit=9
    )
    living = scene.make_outbox("living", other)
    assert await living.send_due() == 0
    scene.clock.advance(seconds=46)
    assert await living.send_due() == 1
    assert scene.discord.titles == ["Title of a"]


async def test_a_stop_lets_a_message_arrive_and_leaves_the_rest(scene: FeedScene) -> None:
    feed = await scene.followed_feed()
    await scene.publish(feed, item("a"), item("b"))
    scene.discord.hold = asyncio.Event()
    running = asyncio.create_task(scene.outbox.run())
    await scene.discord.asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stopping = asyncio.create_task(scene.outbox.stop(10))
    await asyncio.sleep(0.05)
    scene.discord.hold.set()
    assert await stopping
    assert await scene.states() == [("a", "sent", None), ("b", "pending", None)]
    successor = scene.make_outbox("two")
    assert await successor.send_due() == 1, "it is due at once"
    assert scene.discord.titles == ["Title of a", "Title of b"]


async def stuck_channel(scene: FeedScene, feeds: int) -> None:
    """So many feeds of the guild have an item for channel 5, which is held up, and one a member."""
    followed = [await scene.feed(f"f{number}", item("0")) for number in range(feeds)]
    for feed in followed:
        await scene.follow(feed)
    news = await scene.feed("news", item("0"))
    await scene.follow(news, user_id=7)
    await scene.poller.poll_due()
    for feed in followed:
        scene.source.shows[feed.source_id] = (item("0"), item(feed.source_id))
    scene.discord.hold, scene.discord.hold_channel = asyncio.Event(), 5
    await scene.publish(news, item("a"))


async def until_stuck(scene: FeedScene, outbox: FeedOutbox, *, in_line: int) -> None:
    """Until the channel's first message is held up, the others wait, and the member has theirs."""
    async with asyncio.timeout(20):
        await scene.discord.held.wait()
        while scene.discord.titles != ["Title of a"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while sum(len(line) for line in outbox._lines.values()) < in_line:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_slow_channel_holds_up_no_other(scene: FeedScene) -> None:
    await stuck_channel(scene, feeds=9)
    outbox = scene.make_outbox("one", at_once=3)
    running = asyncio.create_task(outbox.run())
    await until_stuck(scene, outbox, in_line=8)
    assert scene.discord.hold is not None
    scene.discord.hold.set()
    async with asyncio.timeout(20):
        while len(scene.discord.sent) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    assert await outbox.stop(20)
    assert {state for _, state, _ in await scene.states()} == {"sent"}


async def test_who_waits_in_line_and_was_taken_over_is_left_out(
    scene: FeedScene, other: Repository
) -> None:
    await stuck_channel(scene, feeds=3)
    sending = asyncio.create_task(scene.outbox.send_due())
    await until_stuck(scene, scene.outbox, in_line=2)
    later = scene.clock.now() + timedelta(minutes=10)
    taken = await other.feed_queues.claim(
        claimed_by="two", now=later, until=later + timedelta(minutes=1), limit=9
    )
    assert len([queue for queue in taken if queue.kind == "guild"]) == 3
    assert scene.discord.hold is not None
    scene.discord.hold.set()
    await sending
    assert len(scene.discord.sent) == 2, "the member's, and the one that was under way"


async def test_who_waits_in_line_past_the_end_of_the_claim_is_sent_once(scene: FeedScene) -> None:
    await stuck_channel(scene, feeds=3)
    outbox = scene.make_outbox("one")
    sending = asyncio.create_task(outbox.send_due())
    await until_stuck(scene, outbox, in_line=2)
    scene.clock.advance(seconds=46)
    assert await outbox._start_due() >= 2, "claimed anew, by the same process"
    assert scene.discord.hold is not None
    scene.discord.hold.set()
    await sending
    await outbox.send_due()
    assert sorted(scene.discord.titles) == [f"Title of {name}" for name in ("a", "f0", "f1", "f2")]


async def test_who_is_moved_while_in_line_is_told_in_the_new_channel(scene: FeedScene) -> None:
    await stuck_channel(scene, feeds=2)
    outbox = scene.make_outbox("one")
    sending = asyncio.create_task(outbox.send_due())
    await until_stuck(scene, outbox, in_line=1)
    line = outbox._lines["guild", 5]
    [key] = line
    subscription = await scene.repository.feed_subscriptions.select(key)
    assert subscription is not None
    await scene.repository.feed_subscriptions.replace(replace(subscription, channel_id=6))
    scene.clock.advance(seconds=46)
    await outbox._start_due()
    async with asyncio.timeout(20):
        while key in line:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert scene.discord.hold is not None
    scene.discord.hold.set()
    await sending
    await outbox.send_due()
    assert sorted(message.channel_id or 0 for message in scene.discord.sent) == [0, 5, 6]


async def test_a_stop_leaves_those_in_line_to_the_next_start(scene: FeedScene) -> None:
    await stuck_channel(scene, feeds=3)
    sending = asyncio.create_task(scene.outbox.send_due())
    await until_stuck(scene, scene.outbox, in_line=2)
    stopping = asyncio.create_task(scene.outbox.stop(20))
    await asyncio.sleep(0.05)
    assert scene.discord.hold is not None
    scene.discord.hold.set()
    assert await stopping
    await sending
    assert len(scene.discord.sent) == 2
    await scene.make_outbox("two").send_due()
    assert len(scene.discord.sent) == 4, "they are due at once"

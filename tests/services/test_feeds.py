"""Following feeds, on both engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.entities import FeedDelivery, FeedItem, FeedSubscription
from pwrbot.feeds.errors import FeedNotFound, HostUnreachable, LinkNotSupported
from pwrbot.feeds.filters import Filter, Rule
from pwrbot.feeds.model import FoundFeed
from pwrbot.repository import Repository
from pwrbot.services import feeds as module
from pwrbot.services.feeds import AT_ONCE, FeedService, Follower, LinkResult, NotFollowed
from tests.fake_feeds import FakeFeeds
from tests.live_bot import NOW

HOME, ADA = Follower("guild", 1), Follower("dm", 7)
NEWS, OTHER = "https://news.example/feed", "https://other.example/feed"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def source() -> FakeFeeds:
    fake = FakeFeeds()
    fake.add(NEWS, "News")
    fake.add(OTHER, "Other")
    return fake


@pytest.fixture
def service(repository: Repository, clock: ManualClock, source: FakeFeeds) -> FeedService:
    return FeedService(repository, clock, source)


async def test_subscribing_stores_the_feed_and_has_it_polled(
    service: FeedService, repository: Repository, source: FakeFeeds
) -> None:
    result = await service.subscribe(HOME, NEWS, 5)
    assert (result.outcome, result.channel_id) == ("subscribed", 5)
    assert result.feed is not None
    [feed] = await repository.feeds.select_all()
    assert (feed.name, feed.created_at) == ("News", NOW)
    [subscription] = await repository.feed_subscriptions.select_all()
    assert (subscription.channel_id, subscription.created_at) == (5, NOW)
    [poll] = await repository.feed_polls.select_all()
    assert (poll.feed_id, poll.next_poll_at) == (feed.id, NOW)
    assert await repository.feed_deliveries.count() == 0


async def test_a_feed_that_is_known_is_not_asked_again(
    service: FeedService, repository: Repository, source: FakeFeeds
) -> None:
    await service.subscribe(HOME, NEWS, 5)
    result = await service.subscribe(ADA, "news.example/feed", None)
    assert result.outcome == "subscribed"
    assert source.asked == [NEWS]
    assert await repository.feeds.count() == 1


async def test_a_feed_that_failed_last_is_asked_again(
    service: FeedService, repository: Repository, source: FakeFeeds
) -> None:
    await service.subscribe(HOME, NEWS, 5)
    [poll] = await repository.feed_polls.select_all()
    await repository.feed_polls.update(msgspec.structs.replace(poll, failures=1))
    source.known[NEWS] = FeedNotFound()
    with pytest.raises(FeedNotFound):
        await service.subscribe(ADA, NEWS, None)
    assert source.asked == [NEWS, NEWS]


async def test_twice_is_once(service: FeedService, repository: Repository) -> None:
    await service.subscribe(HOME, NEWS, 5)
    again = await service.subscribe(HOME, NEWS, 6)
    assert (again.outcome, again.channel_id) == ("already", 5)
    stays = await service.subscribe(HOME, NEWS, 6, lambda existing: existing.channel_id != 5)
    assert (stays.outcome, stays.channel_id) == ("stays", 5)
    moved = await service.subscribe(HOME, NEWS, 6, lambda existing: existing.channel_id == 5)
    assert (moved.outcome, moved.channel_id) == ("moved", 6)
    same = await service.subscribe(HOME, NEWS, 6, lambda _: False)
    assert same.outcome == "already"
    [subscription] = await repository.feed_subscriptions.select_all()
    assert subscription.channel_id == 6


async def test_at_the_same_time_it_is_one_feed_and_one_subscription(
    service: FeedService, repository: Repository, source: FakeFeeds
) -> None:
    source.hold = asyncio.Event()
    followers = [HOME, ADA, HOME, ADA, Follower("dm", 8)]
    tasks = [asyncio.create_task(service.subscribe(each, NEWS, None)) for each in followers]
    await source.until_asked(len(tasks))
    source.hold.set()
    results = await asyncio.gather(*tasks)
    assert {result.outcome for result in results} <= {"subscribed", "already"}
    assert await repository.feeds.count() == 1
    assert await repository.feed_subscriptions.count() == 3


async def test_another_kind_with_the_same_page_is_the_same_feed(
    service: FeedService, repository: Repository, source: FakeFeeds
) -> None:
    await service.subscribe(HOME, NEWS, None)
    source.add("https://www.youtube.com/@news", "Same", platform_id="youtube", source_url=NEWS)
    found = source.known["https://www.youtube.com/@news"]
    source.known = dict.fromkeys([service_url(source, "youtube.com/@news")], found)
    assert (await service.subscribe(HOME, "youtube.com/@news", None)).outcome == "already"
    assert await repository.feeds.count() == 1


def service_url(source: FakeFeeds, link: str) -> str:
    return source.of_link(link)[1]


async def test_links_are_looked_at_a_few_at_a_time_and_none_holds_up_the_others(
    service: FeedService, source: FakeFeeds
) -> None:
    links = [f"https://site{number}.example/feed" for number in range(10)]
    for link in links[:7]:
        source.add(link, link)
    source.known[links[7]] = HostUnreachable("timeout")
    told: dict[int, LinkResult] = {}
    source.hold = asyncio.Event()
    working = asyncio.create_task(
        service.subscribe_all(HOME, [*links[:9], "mailto:x@y.example"], 5, told.__setitem__)
    )
    await source.until_asked(AT_ONCE)
    assert told == {}
    source.hold.set()
    results = await working
    assert [told[index] for index in range(10)] == results
    assert [result.outcome for result in results] == ["subscribed"] * 7 + ["failed"] * 3
    assert [result.error for result in results[7:]] == [
        str(HostUnreachable("timeout")),
        str(FeedNotFound()),
        str(LinkNotSupported()),
    ]
    assert source.most_at_once == AT_ONCE


async def test_a_link_that_goes_wrong_in_a_new_way_does_not_hold_up_the_others(
    service: FeedService, source: FakeFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = source.find

    async def stumble(link: str) -> FoundFeed:
        if link == OTHER:
            raise ZeroDivisionError
        return await find(link)

    monkeypatch.setattr(source, "find", stumble)
    with capture_logs() as logs:
        results = await service.subscribe_all(HOME, [NEWS, OTHER], None)
    assert [result.outcome for result in results] == ["subscribed", "failed"]
    assert (results[1].error or "").startswith("Something went wrong on my side")
    assert [entry["event"] for entry in logs] == ["link_not_followed"]


async def test_there_is_an_end(
    service: FeedService, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    results = await service.subscribe_all(HOME, [NEWS, OTHER], None)
    assert sorted(result.outcome for result in results) == ["failed", "subscribed"]
    [failed] = [result for result in results if result.error]
    assert "as many as can be followed" in (failed.error or "")
    assert (await service.subscribe(ADA, OTHER, None)).outcome == "subscribed"


async def followed(service: FeedService, follower: Follower, link: str, **more: Any) -> int:
    result = await service.subscribe(follower, link, None, **more)
    assert result.feed is not None
    return result.feed.id


async def test_unsubscribing_and_undoing_it_loses_nothing(
    service: FeedService, repository: Repository, clock: ManualClock
) -> None:
    feed_id = await followed(service, HOME, NEWS)
    await service.change(
        HOME, feed_id, lambda s: msgspec.structs.replace(s, template="{title}", channel_id=9)
    )
    [before] = await repository.feed_subscriptions.select_all()
    clock.advance(minutes=1)
    for number in (1, 2):
        at = clock.now() + timedelta(microseconds=number)
        await repository.feed_items.insert(FeedItem(feed_id, f"{number}", "T", None, at, at))
    key = (before.subscriber_id, feed_id)
    await repository.feed_deliveries.insert_many(
        [
            FeedDelivery(*key, "1", clock.now(), "sent", None, 77, clock.now()),
            FeedDelivery(*key, "2", clock.now(), "pending"),
        ]
    )
    clock.advance(minutes=1)
    removed = await service.unsubscribe(HOME, feed_id)
    assert removed is not None
    assert await repository.feed_subscriptions.count() == 0
    assert await repository.feed_deliveries.count() == 0
    clock.advance(minutes=1)
    await repository.feed_items.insert(
        FeedItem(feed_id, "3", "While away", None, clock.now(), clock.now())
    )
    await service.restore(removed)
    assert await repository.feed_subscriptions.select_all() == [before]
    deliveries = await repository.feed_deliveries.select_all()
    assert [(each.item_id, each.state, each.message_id) for each in deliveries] == [
        ("1", "sent", 77),
        ("2", "pending", None),
        ("3", "pending", None),
    ]
    [health] = (await service.health(HOME, 1)).rows
    assert (health.sent, health.pending, health.last_sent_at) == (1, 2, deliveries[0].settled_at)
    [queue] = await repository.feed_queues.select_all()
    assert queue.due_at == clock.now()
    await service.restore(removed)
    assert await repository.feed_subscriptions.count() == 1


async def test_only_ones_own_is_removed(service: FeedService, repository: Repository) -> None:
    feed_id = await followed(service, HOME, NEWS)
    await followed(service, ADA, NEWS)
    assert await service.unsubscribe(Follower("dm", 99), feed_id) is None
    assert await service.unsubscribe(HOME, feed_id + 1) is None
    assert await service.unsubscribe(HOME, feed_id) is not None
    assert await service.unsubscribe(HOME, feed_id) is None
    assert [feed.feed_id for feed in await service.followed(ADA)] == [feed_id]
    assert await repository.feeds.count() == 1


async def test_pages(service: FeedService, source: FakeFeeds, repository: Repository) -> None:
    assert await service.page(HOME, 1) == module.FeedPage([], 1, 1, 0)
    assert await service.health(HOME, 4) == module.HealthPage([], 1, 1, 0)
    for number in range(7):
        link = f"https://site{number}.example/feed"
        source.add(link, f"Site {number}")
        await service.subscribe(HOME, link, None)
    first, last = await service.page(HOME, 1), await service.page(HOME, 9)
    assert [row.name for row in first.rows] == [f"Site {number}" for number in range(5)]
    assert [row.name for row in last.rows] == ["Site 5", "Site 6"]
    assert (last.page, last.pages, last.total) == (2, 2, 7)
    health = await service.health(HOME, 2)
    assert [row.name for row in health.rows] == ["Site 5", "Site 6"]
    assert health.rows[0].next_poll_at == NOW


async def test_a_page_shows_the_newest_item_of_each(
    service: FeedService, repository: Repository
) -> None:
    """The one with the first id, where two were published at the same time."""
    news, other = await followed(service, HOME, NEWS), await followed(service, HOME, OTHER)
    await repository.feed_items.insert_many(
        [
            FeedItem(news, "a", "Older", None, NOW - timedelta(hours=2), NOW),
            FeedItem(news, "b", "Newest", None, NOW - timedelta(hours=1), NOW),
            FeedItem(news, "c", "Oldest", None, NOW - timedelta(hours=3), NOW),
            FeedItem(other, "e", "Second of two", None, NOW, NOW),
            FeedItem(other, "d", "First of two", None, NOW, NOW),
        ]
    )
    page = await service.page(HOME, 1)
    assert [row.item_title for row in page.rows] == ["Newest", "First of two"]


async def test_looking_writes_nothing(service: FeedService, repository: Repository) -> None:
    await service.page(HOME, 1)
    await service.health(HOME, 1)
    assert await service.search(ADA, "news", 25) == []
    assert await service.one(ADA, 1) is None
    assert await repository.subscribers.count() == 0
    await service.look(NEWS)
    assert await repository.feeds.count() == 0


async def test_search_by_name_and_address_in_any_case(
    service: FeedService, source: FakeFeeds
) -> None:
    source.add("https://z.example/f", "Żółw")
    await service.subscribe_all(HOME, [NEWS, OTHER, "https://z.example/f"], None)

    async def names(text: str, limit: int = 25) -> list[str]:
        return [feed.name for feed in await service.search(HOME, text, limit)]

    assert await names("") == ["News", "Other", "Żółw"]
    assert await names("", 2) == ["News", "Other"]
    assert await names(" nEwS ") == ["News"]
    assert await names("żÓŁ") == ["Żółw"]
    assert await names("other.example") == ["Other"]
    assert await names("%") == []
    assert await service.search(ADA, "", 25) == []


async def test_changing_a_subscription(service: FeedService) -> None:
    feed_id = await followed(service, HOME, NEWS)
    rules = Filter((Rule("a"), Rule("b", kind="regex", field="title", negated=True)))

    def change(subscription: FeedSubscription) -> FeedSubscription:
        return msgspec.structs.replace(subscription, item_filter=rules, role_id=3)

    await service.change(HOME, feed_id, change)
    one = await service.one(HOME, feed_id)
    assert one is not None
    assert (one.feed.name, one.subscription.item_filter, one.subscription.role_id) == (
        "News",
        rules,
        3,
    )
    with pytest.raises(NotFollowed):
        await service.change(ADA, feed_id, change)

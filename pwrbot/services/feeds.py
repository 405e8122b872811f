"""Who follows which feed: subscribing, finding, listing, removing, for servers and for members."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import (
    Feed,
    FeedDelivery,
    FeedHealth,
    FeedItem,
    FeedSubscription,
    FollowedFeed,
    SubscribedFeed,
    SubscriberKind,
)
from pwrbot.errors import PwrbotError
from pwrbot.feeds.errors import FeedError
from pwrbot.feeds.model import Followed, FoundFeed, FoundItem, Polled, Validators
from pwrbot.feeds.source import Source
from pwrbot.repository import Repository
from pwrbot.repository.errors import UniqueViolation
from pwrbot.repository.repository import Tables, Transaction

log = structlog.get_logger(__name__)

PAGE: Final = 5
"""Feeds on a page of a list."""
AT_ONCE: Final = 4
"""Links of one command that are looked at together."""
MOST: Final = 1000
"""Feeds that one server, or one member, can follow."""


class NotFollowed(PwrbotError):
    """That feed isn't followed any more: choose one from the list that Discord offers."""


class TooManyFeeds(PwrbotError):
    """There are 1,000 feeds already, which is as many as can be followed: remove some first."""


class Follower(msgspec.Struct, frozen=True):
    """A member's direct messages, or a server."""

    kind: SubscriberKind
    target_id: int


class FeedSource(Protocol):
    """What finds and reads feeds: ``pwrbot.feeds.feeds.Feeds`` is it."""

    def of_link(self, link: str) -> tuple[Source, str]: ...

    async def find(self, link: str) -> FoundFeed: ...

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled: ...


FIRST_INTERVAL_SECONDS: Final = 3600
"""Between polls of a feed whose own rhythm isn't known yet."""
_OWN_FAULT: Final = "Something went wrong on my side: try this link again later."
_RESTORED: Final = 2000  # deliveries
_SINCE: Final = 100  # items that came between removing and undoing

Outcome = Literal["subscribed", "already", "moved", "stays", "failed"]
"""``stays``: it is followed already, elsewhere, and whoever asked may not move it."""
MayMove = Callable[[FeedSubscription], bool]


class LinkResult(msgspec.Struct, frozen=True):
    """What became of one link."""

    link: str
    outcome: Outcome
    feed: Feed | None = None
    """None where it failed."""
    error: str | None = None
    """What went wrong and what to do, for the member who asked."""
    channel_id: int | None = None
    """Where the subscription's items go now."""


class Removed(msgspec.Struct, frozen=True):
    """A subscription that was ended, with all that is needed to have it back."""

    feed: Feed
    subscription: FeedSubscription
    deliveries: list[FeedDelivery]
    """What was still to be sent, and what became of the rest."""
    at: datetime


class OneFeed(msgspec.Struct, frozen=True):
    """A feed and how somebody follows it."""

    feed: Feed
    subscription: FeedSubscription


class FeedPage(msgspec.Struct, frozen=True):
    """A page of what somebody follows, by name."""

    rows: list[SubscribedFeed]
    page: int
    pages: int
    total: int


class HealthPage(msgspec.Struct, frozen=True):
    """A page of how the feeds somebody follows are doing, by name."""

    rows: list[FeedHealth]
    page: int
    pages: int
    total: int


class FeedService:
    """The subscriptions. Rights are the caller's to check."""

    def __init__(self, repository: Repository, clock: Clock, source: FeedSource) -> None:
        self._repository = repository
        self._clock = clock
        self._source = source

    # Subscribing

    async def subscribe_all(
        self,
        follower: Follower,
        links: Sequence[str],
        channel_id: int | None,
        tell: Callable[[int, LinkResult], None] | None = None,
        *,
        may_move: MayMove | None = None,
        at_once: int = AT_ONCE,
    ) -> list[LinkResult]:
        """Follow each link, a few at a time; ``tell`` hears of each as it is done, with its index.

        A link that fails does not hold up the others. A feed that is followed already is told in
        this channel from now on where ``may_move`` says so; without it, it stays where it is.
        """
        turn = asyncio.Semaphore(at_once)

        async def one(index: int, link: str) -> LinkResult:
            async with turn:
                try:
                    result = await self.subscribe(follower, link, channel_id, may_move)
                except (FeedError, TooManyFeeds) as error:
                    result = LinkResult(link, "failed", error=str(error))
                except Exception:
                    log.exception("link_not_followed")
                    result = LinkResult(link, "failed", error=_OWN_FAULT)
            if tell is not None:
                tell(index, result)
            return result

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*numbered)) for numbered in enumerate(links)]
        return [task.result() for task in tasks]

    async def subscribe(
        self,
        follower: Follower,
        link: str,
        channel_id: int | None,
        may_move: MayMove | None = None,
    ) -> LinkResult:
        """Follow what a link leads to. Raises FeedError, TooManyFeeds.

        Nothing that was published before is sent. A feed the bot knows is not asked again.
        """
        feed = await self._known(link)
        if feed is None:
            feed = _as_feed(await self._source.find(link), self._clock.now())
        now = self._clock.now()
        async with self._repository.transaction() as tx:
            feed = await _stored(tx, feed)
            subscriber = await tx.subscribers.ensure(
                kind=follower.kind, target_id=follower.target_id
            )
            existing = await tx.feed_subscriptions.select((subscriber.id, feed.id))
            if existing is None:
                if await tx.feed_subscriptions.count_of(subscriber_id=subscriber.id) >= MOST:
                    raise TooManyFeeds
                added = FeedSubscription(
                    subscriber_id=subscriber.id,
                    feed_id=feed.id,
                    channel_id=channel_id,
                    created_at=now,
                )
                # "replace": somebody may have been first, between the look and this.
                await tx.feed_subscriptions.replace(added)
                await tx.feed_polls.wake(
                    feed_id=feed.id, interval_seconds=FIRST_INTERVAL_SECONDS, now=now
                )
                return LinkResult(link, "subscribed", feed, channel_id=channel_id)
            if may_move is None or existing.channel_id == channel_id:
                return LinkResult(link, "already", feed, channel_id=existing.channel_id)
            if not may_move(existing):
                return LinkResult(link, "stays", feed, channel_id=existing.channel_id)
            moved = msgspec.structs.replace(existing, channel_id=channel_id)
            await tx.feed_subscriptions.update(moved)
            return LinkResult(link, "moved", feed, channel_id=channel_id)

    async def _known(self, link: str) -> Feed | None:
        """The feed of a link, where it is known and was well last; else the source is asked."""
        source, url = self._source.of_link(link)
        feeds, platform_id = self._repository.feeds, source.platform_id
        feed = await feeds.by_source(platform_id=platform_id, source_id=url)
        if feed is None:
            feed = await feeds.by_url(source_url=url)
        if feed is None or feed.platform_id != platform_id:
            return None
        poll = await self._repository.feed_polls.select(feed.id)
        return feed if poll is not None and not poll.failures else None

    # Unsubscribing

    async def unsubscribe(self, follower: Follower, feed_id: int) -> Removed | None:
        """Follow a feed no more; None where it was not followed."""
        async with self._repository.transaction() as tx:
            subscription = await _subscription(tx, follower, feed_id)
            feed = await tx.feeds.select(feed_id)
            if subscription is None or feed is None:
                return None
            deliveries = await tx.feed_deliveries.latest(
                subscriber_id=subscription.subscriber_id, feed_id=feed_id, limit=_RESTORED
            )
            await tx.feed_subscriptions.delete((subscription.subscriber_id, feed_id))
            return Removed(feed, subscription, deliveries, self._clock.now())

    async def restore(self, removed: Removed) -> None:
        """Undo an ``unsubscribe``: what waited then, and what came since, will be sent; what was
        sent, was.
        """
        now, subscription = self._clock.now(), removed.subscription
        async with self._repository.transaction() as tx:
            key = (subscription.subscriber_id, subscription.feed_id)
            if await tx.feed_subscriptions.select(key) is not None:
                return
            await tx.feed_subscriptions.insert(subscription)
            latest = await tx.feed_items.page(feed_id=subscription.feed_id, limit=_SINCE, offset=0)
            known = {delivery.item_id for delivery in removed.deliveries}
            since = [
                FeedDelivery(*key, item.item_id, item.found_at, "pending")
                for item in latest
                if item.found_at > removed.at and item.item_id not in known
            ]
            await tx.feed_deliveries.insert_many([*removed.deliveries, *since])
            await tx.feed_queues.wake(feed_id=subscription.feed_id, now=now)
        # Apart from that transaction: the poller takes these two locks the other way round.
        await self._repository.feed_polls.wake(
            feed_id=subscription.feed_id, interval_seconds=FIRST_INTERVAL_SECONDS, now=now
        )

    # Looking

    async def page(self, follower: Follower, page: int) -> FeedPage:
        """A page of a list, by name; one beyond the last gives the last."""
        tables = self._repository
        subscriber = await tables.subscribers.by_target(
            kind=follower.kind, target_id=follower.target_id
        )
        if subscriber is None:
            return FeedPage([], 1, 1, 0)
        total = await tables.feed_subscriptions.count_of(subscriber_id=subscriber.id)
        page, pages, offset = _paged(page, total)
        rows = await tables.feed_subscriptions.page_with_latest(
            subscriber_id=subscriber.id, limit=PAGE, offset=offset
        )
        return FeedPage(rows, page, pages, total)

    async def health(self, follower: Follower, page: int) -> HealthPage:
        """How the feeds somebody follows are doing; a page beyond the last gives the last."""
        tables = self._repository
        subscriber = await tables.subscribers.by_target(
            kind=follower.kind, target_id=follower.target_id
        )
        if subscriber is None:
            return HealthPage([], 1, 1, 0)
        total = await tables.feed_subscriptions.count_of(subscriber_id=subscriber.id)
        page, pages, offset = _paged(page, total)
        rows = await tables.feed_subscriptions.health(
            subscriber_id=subscriber.id, limit=PAGE, offset=offset
        )
        return HealthPage(rows, page, pages, total)

    async def followed(self, follower: Follower) -> list[FollowedFeed]:
        """All that somebody follows, by name. Writes nothing."""
        return await self._repository.feed_subscriptions.followed(
            kind=follower.kind, target_id=follower.target_id
        )

    async def search(self, follower: Follower, text: str, limit: int) -> list[FollowedFeed]:
        """Those whose name or address holds a text, whatever its case; all for an empty one."""
        wanted = text.strip().casefold()
        return [
            feed
            for feed in await self.followed(follower)
            if wanted in feed.name.casefold() or wanted in feed.source_url.casefold()
        ][:limit]

    async def one(self, follower: Follower, feed_id: int) -> OneFeed | None:
        """A feed and how somebody follows it; None where they do not."""
        subscription = await _subscription(self._repository, follower, feed_id)
        feed = await self._repository.feeds.select(feed_id)
        return None if subscription is None or feed is None else OneFeed(feed, subscription)

    async def change(
        self,
        follower: Follower,
        feed_id: int,
        change: Callable[[FeedSubscription], FeedSubscription],
    ) -> OneFeed:
        """Store what ``change`` makes of a subscription. Raises NotFollowed."""
        async with self._repository.transaction() as tx:
            subscription = await _subscription(tx, follower, feed_id)
            feed = await tx.feeds.select(feed_id)
            if subscription is None or feed is None:
                raise NotFollowed
            changed = change(subscription)
            await tx.feed_subscriptions.update(changed)
            return OneFeed(feed, changed)

    async def recent(self, feed: Feed, limit: int) -> list[FeedItem]:
        """A feed's last items, newest first."""
        return await self._repository.feed_items.page(feed_id=feed.id, limit=limit, offset=0)

    async def look(self, link: str) -> tuple[Feed, list[FoundItem]]:
        """What a link leads to and shows now, oldest first, without following it.

        Raises FeedError.
        """
        found = await self._source.find(link)
        polled = found.first_poll or await self._source.poll(found)
        return _as_feed(found, self._clock.now()), list(polled.items)


def _as_feed(found: FoundFeed, now: datetime) -> Feed:
    return Feed(
        platform_id=found.platform_id,
        source_id=found.source_id,
        items_id=found.items_id,
        name=found.name,
        description=found.description,
        source_url=found.source_url,
        cover_url=found.cover_url,
        tags=found.tags,
        created_at=now,
    )


async def _stored(tx: Transaction, feed: Feed) -> Feed:
    """The feed's row, made if there is none: two at once get the same."""
    if feed.id:
        return feed
    known = await tx.feeds.by_source(platform_id=feed.platform_id, source_id=feed.source_id)
    if known is not None:
        return known
    try:
        async with tx.transaction() as attempt:
            return await attempt.feeds.insert(feed)
    except UniqueViolation:
        known = await tx.feeds.by_source(platform_id=feed.platform_id, source_id=feed.source_id)
        # Two kinds of feed may call the same page theirs; it was followed as the other first.
        known = known or await tx.feeds.by_url(source_url=feed.source_url)
        if known is None:
            raise
        return known


async def _subscription(
    tables: Tables, follower: Follower, feed_id: int
) -> FeedSubscription | None:
    subscriber = await tables.subscribers.by_target(
        kind=follower.kind, target_id=follower.target_id
    )
    if subscriber is None:
        return None
    return await tables.feed_subscriptions.select((subscriber.id, feed_id))


def _paged(page: int, total: int) -> tuple[int, int, int]:
    """The page there is, how many there are, and what comes before it."""
    pages = max(1, -(-total // PAGE))
    page = min(max(page, 1), pages)
    return page, pages, (page - 1) * PAGE

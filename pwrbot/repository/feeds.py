"""Feeds, their items, and who follows them."""

from __future__ import annotations

from typing import Literal, Protocol

from pwrbot.entities import (
    Feed,
    FeedItem,
    FeedSubscription,
    SubscribedFeed,
    Subscriber,
    SubscriberKind,
)
from pwrbot.repository.table import Table


class Feeds(Table[Feed, int], Protocol):
    """What can be followed, once for everybody."""

    async def by_source(self, *, platform_id: str, source_id: str) -> Feed | None: ...


class FeedItems(Table[FeedItem, tuple[int, str]], Protocol):
    """What feeds published."""

    async def latest(self, *, feed_id: int) -> FeedItem | None: ...

    async def page(self, *, feed_id: int, limit: int, offset: int) -> list[FeedItem]: ...


class Subscribers(Table[Subscriber, int], Protocol):
    """Users and guilds that are told about new items."""

    async def by_target(self, *, kind: SubscriberKind, target_id: int) -> Subscriber | None: ...

    async def ensure(self, *, kind: SubscriberKind, target_id: int) -> Subscriber: ...


class FeedSubscriptions(Table[FeedSubscription, tuple[int, int]], Protocol):
    """Who follows what."""

    async def subscribers_of(self, *, feed_id: int) -> list[FeedSubscription]: ...

    async def page_with_latest(
        self,
        *,
        subscriber_id: int,
        limit: int,
        offset: int,
        order: Literal["name", "recent"] = "name",
    ) -> list[SubscribedFeed]: ...

    async def count_of(self, *, subscriber_id: int) -> int: ...

"""Feeds, their items, and who follows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from pwrbot.entities import (
    Feed,
    FeedAbsence,
    FeedHealth,
    FeedItem,
    FeedItemId,
    FeedSubscription,
    FollowedFeed,
    SubscribedFeed,
    Subscriber,
    SubscriberKind,
)
from pwrbot.repository.table import Table


class Feeds(Table[Feed, int], Protocol):
    """What can be followed, once for everybody."""

    async def by_source(self, *, platform_id: str, source_id: str) -> Feed | None: ...

    async def by_url(self, *, source_url: str) -> Feed | None: ...

    async def renew(self, *, feed_id: int, name: str | None, items_id: str | None) -> int: ...

    async def forget_unfollowed(self) -> int: ...


class FeedItems(Table[FeedItem, tuple[int, str]], Protocol):
    """What feeds published."""

    async def latest(self, *, feed_id: int) -> FeedItem | None: ...

    async def page(self, *, feed_id: int, limit: int, offset: int) -> list[FeedItem]: ...

    async def forget(self, *, found_before: datetime, limit: int) -> int: ...


class FeedItemIds(Table[FeedItemId, tuple[int, str]], Protocol):
    """All that feeds ever showed."""

    async def add(self, *, feed_id: int, item_ids: list[str]) -> list[str]: ...


class Subscribers(Table[Subscriber, int], Protocol):
    """Users and guilds that are told about new items."""

    async def by_target(self, *, kind: SubscriberKind, target_id: int) -> Subscriber | None: ...

    async def ensure(self, *, kind: SubscriberKind, target_id: int) -> Subscriber: ...

    async def servers(self, *, shard_count: int, shard_ids: list[int]) -> list[Subscriber]: ...


class FeedAbsences(Table[FeedAbsence, int], Protocol):
    """Servers the bot is in no more."""


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

    async def followed(self, *, kind: SubscriberKind, target_id: int) -> list[FollowedFeed]: ...

    async def health(self, *, subscriber_id: int, limit: int, offset: int) -> list[FeedHealth]: ...

    async def recall(self, *, now: datetime) -> int: ...

    async def begin_anew(self, *, subscriber_id: int, now: datetime) -> list[int]: ...

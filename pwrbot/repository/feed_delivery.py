"""When feeds are polled, and what is sent of them: schedule, outbox and the claims on both."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pwrbot.entities import (
    ClaimedQueue,
    DeliveryState,
    DuePoll,
    FeedDelivery,
    FeedPoll,
    FeedQueue,
    PendingItem,
    PollOutcome,
)
from pwrbot.repository.table import Table


class FeedPolls(Table[FeedPoll, int], Protocol):
    """When each feed is polled next, and what the last poll left for it."""

    async def wake(self, *, feed_id: int, interval_seconds: int, now: datetime) -> None: ...

    async def wake_all(self, *, feed_ids: list[int], now: datetime) -> int: ...

    async def recall(self, *, beyond: datetime, now: datetime) -> int: ...

    async def claim(
        self, *, claimed_by: str, now: datetime, until: datetime, limit: int
    ) -> list[DuePoll]: ...

    async def renew(self, *, feed_ids: list[int], claimed_by: str, until: datetime) -> int: ...

    async def release(self, *, feed_ids: list[int], claimed_by: str, now: datetime) -> int: ...

    async def finish(
        self,
        *,
        claimed_by: str,
        now: datetime,
        feed_ids: list[int],
        outcomes: tuple[PollOutcome, ...],
    ) -> int: ...


class FeedDeliveries(Table[FeedDelivery, tuple[int, int, str]], Protocol):
    """The outbox."""

    async def fan_out(
        self, *, feed_id: int, item_ids: list[str], succeeded_at: datetime
    ) -> int: ...

    async def pending(
        self,
        *,
        subscriber_id: int,
        feed_id: int,
        found_after: datetime,
        after_item_id: str,
        limit: int,
    ) -> list[PendingItem]: ...

    async def latest(
        self, *, subscriber_id: int, feed_id: int, limit: int
    ) -> list[FeedDelivery]: ...

    async def settle(
        self,
        *,
        subscriber_id: int,
        feed_id: int,
        item_ids: list[str],
        state: DeliveryState,
        reason: str | None,
        message_id: int | None,
        now: datetime,
    ) -> int: ...

    async def settle_until(
        self,
        *,
        subscriber_id: int,
        feed_id: int,
        found_until: datetime,
        state: DeliveryState,
        reason: str | None,
        message_id: int | None,
        now: datetime,
    ) -> int: ...

    async def forget(self, *, found_before: datetime, limit: int) -> int: ...


class FeedQueues(Table[FeedQueue, tuple[int, int]], Protocol):
    """Which subscriptions have something waiting, and who is sending it."""

    async def wake(self, *, feed_id: int, now: datetime) -> int: ...

    async def recall(self, *, beyond: datetime, now: datetime) -> int: ...

    async def claim(
        self, *, claimed_by: str, now: datetime, until: datetime, limit: int
    ) -> list[ClaimedQueue]: ...

    async def renew(
        self, *, subscriber_id: int, feed_id: int, claimed_by: str, until: datetime
    ) -> int: ...

    async def release(
        self, *, subscriber_id: int, feed_id: int, claimed_by: str, now: datetime
    ) -> int: ...

    async def done(
        self, *, subscriber_id: int, feed_id: int, claimed_by: str, wakes: int, now: datetime
    ) -> int: ...

    async def retry(
        self,
        *,
        subscriber_id: int,
        feed_id: int,
        claimed_by: str,
        due_at: datetime,
        reason: str,
    ) -> int: ...

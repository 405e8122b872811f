"""What became of the items of a queue: sent, skipped or given up, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.entities import ClaimedQueue, DeliveryState
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError

log = structlog.get_logger(__name__)

_NOTING_WAITS: Final = (0.2, 1.0, 5.0)  # seconds


class FeedRecord:
    """The state of each delivery, and why; noted by whoever claimed the queue."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def settle(
        self,
        queue: ClaimedQueue,
        item_ids: list[str],
        state: DeliveryState,
        reason: str | None,
        message_id: int | None = None,
    ) -> None:
        """Note what became of these items. Raises DatabaseError, after some tries."""
        await self._note(
            lambda: self._repository.feed_deliveries.settle(
                subscriber_id=queue.subscriber_id,
                feed_id=queue.feed_id,
                item_ids=item_ids,
                state=state,
                reason=reason,
                message_id=message_id,
                now=self._clock.now(),
            )
        )

    async def settle_all(
        self,
        queue: ClaimedQueue,
        state: DeliveryState,
        reason: str | None,
        message_id: int | None = None,
        found_until: datetime | None = None,
    ) -> None:
        """The same of all that is pending, or only of what was found until a moment."""
        now = self._clock.now()
        await self._note(
            lambda: self._repository.feed_deliveries.settle_until(
                subscriber_id=queue.subscriber_id,
                feed_id=queue.feed_id,
                # Found by a process whose clock is ahead: pending is pending.
                found_until=found_until or now + timedelta(days=1),
                state=state,
                reason=reason,
                message_id=message_id,
                now=now,
            )
        )

    async def _note(self, work: Callable[[], Awaitable[int]]) -> None:
        """What was sent and is not noted is sent again, so try more than once."""
        for wait in _NOTING_WAITS:
            try:
                await work()
                return
            except DatabaseError as error:
                log.warning("feed_delivery_not_noted", error=f"{type(error).__name__}: {error}")
                await self._clock.sleep(wait)
        await work()

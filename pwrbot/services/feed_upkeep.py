"""What the tables of feeds need now and then.

Old items and old deliveries are removed, a batch at a time; what they were known by stays. What a
clock that ran ahead put off for too long is done at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_outbox import LONGEST_WAIT as SEND_WAIT
from pwrbot.services.feed_schedule import LONGEST_WAIT as POLL_WAIT

log = structlog.get_logger(__name__)

_EVERY: Final = timedelta(hours=1)
_BATCH: Final = 1000  # rows removed by one statement
_PAUSE: Final = 0.1  # seconds between two batches: others come first


class FeedUpkeep:
    """Keeps feeds from growing, and from being put off, for ever."""

    def __init__(self, repository: Repository, clock: Clock, retention: timedelta) -> None:
        self._repository = repository
        self._clock = clock
        self._retention = retention

    async def run(self) -> None:
        """See to it every hour, until cancelled."""
        while True:
            try:
                if recalled := await self.recall():
                    log.warning("feeds_recalled", rows=recalled)
                removed = await self.remove_old()
                if removed:
                    log.info("feed_items_removed", rows=removed)
            except DatabaseError as error:
                log.warning("feed_items_kept", error=f"{type(error).__name__}: {error}")
            except Exception:  # old rows are no reason for the bot to end
                log.exception("feed_items_kept")
            await self._clock.sleep(_EVERY.total_seconds())

    async def recall(self) -> int:
        """Have done now what is put off for longer than anything ever is; says how many rows that
        were. Raises DatabaseError.
        """
        now = self._clock.now()
        rows = await self._repository.feed_polls.recall(beyond=now + 2 * POLL_WAIT, now=now)
        rows += await self._repository.feed_queues.recall(beyond=now + 2 * SEND_WAIT, now=now)
        return rows + await self._repository.feed_subscriptions.recall(now=now)

    async def remove_old(self) -> int:
        """Remove what was found longer ago than the retention; says how many rows. Of each feed
        the newest item stays, and so does what is still pending. Raises DatabaseError.
        """
        before = self._clock.now() - self._retention
        removed = 0
        for table in (self._repository.feed_deliveries, self._repository.feed_items):
            while gone := await table.forget(found_before=before, limit=_BATCH):
                removed += gone
                if gone < _BATCH:
                    break
                await self._clock.sleep(_PAUSE)
        return removed

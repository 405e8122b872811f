"""Old items and old deliveries are removed, a batch at a time; what they were known by stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError

log = structlog.get_logger(__name__)

_EVERY: Final = timedelta(hours=1)
_BATCH: Final = 1000  # rows removed by one statement
_PAUSE: Final = 0.1  # seconds between two batches: others come first


class FeedUpkeep:
    """Keeps the tables of items and deliveries from growing for ever."""

    def __init__(self, repository: Repository, clock: Clock, retention: timedelta) -> None:
        self._repository = repository
        self._clock = clock
        self._retention = retention

    async def run(self) -> None:
        """Remove what is old, every hour, until cancelled."""
        while True:
            try:
                removed = await self.remove_old()
                if removed:
                    log.info("feed_items_removed", rows=removed)
            except DatabaseError as error:
                log.warning("feed_items_kept", error=f"{type(error).__name__}: {error}")
            except Exception:  # old rows are no reason for the bot to end
                log.exception("feed_items_kept")
            await self._clock.sleep(_EVERY.total_seconds())

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

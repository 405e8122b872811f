"""Polling: whatever is due is claimed, asked for what is new, and scheduled anew.

A claim is a lease: a feed that a process has claimed is due again once the lease ends, so that
another process takes over what a dead one held. Claims and outcomes go through the database a batch
at a time; only a feed that shows something else than the last time costs statements of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import DuePoll, PollOutcome
from pwrbot.feeds.errors import FeedError, HostQueue
from pwrbot.feeds.model import Followed, Polled, Validators
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_intake import items_digest, take_in
from pwrbot.services.feed_schedule import (
    Rhythm,
    wait_after_failure,
    wait_after_success,
    wait_in_trouble,
)

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=45)
BATCH: Final = 200
"""Feeds claimed, and outcomes stored, by one statement."""
AT_ONCE: Final = 100
"""Feeds that are polled at the same time."""
STORED_AT_ONCE: Final = 3
"""Feeds whose items are stored at the same time: the others wait, and leave the database's
connections to the bot's commands."""

_OLDEST: Final = timedelta(seconds=2)  # an outcome waits no longer for others
_TROUBLE: Final = timedelta(minutes=1)  # before a feed whose items could not be stored is polled
_FLOOD: Final = 500  # items that are new at once, after the first poll
_BROKEN_OFF: Final = 3  # times a first poll may, then that is how this feed is


class PollSource(Protocol):
    """What feeds are read by: ``pwrbot.feeds.feeds.Feeds`` is it."""

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled: ...


class FeedPoller:
    """Polls what is due, for ever. Several, in one process or many, share the feeds."""

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        source: PollSource,
        *,
        process: str,
        rhythm: Rhythm | None = None,
        chance: random.Random | None = None,
        found: Callable[[], None] = lambda: None,
        at_once: int = AT_ONCE,
        batch: int = BATCH,
        lease: timedelta = LEASE,
        idle_seconds: float = 1.0,
    ) -> None:
        """``process`` names this poller among all; ``found`` is called when something was;
        ``idle_seconds`` are between two looks at what is due.
        """
        self._repository = repository
        self._clock = clock
        self._source = source
        self._process = process
        self._rhythm = rhythm or Rhythm()
        self._chance = chance or random.Random()
        self._found = found
        self._turns = asyncio.Semaphore(at_once)
        self._storing = asyncio.Semaphore(STORED_AT_ONCE)
        self._most = 2 * max(at_once, batch)
        self._batch = batch
        self._lease = lease
        self._idle = idle_seconds
        self._running: dict[int, asyncio.Task[None]] = {}
        self._enough = 0
        self._ended = asyncio.Event()
        """Set once no more than ``_enough`` polls are under way."""
        self._outcomes: list[PollOutcome] = []
        self._oldest: datetime | None = None
        self._renewed_at: datetime | None = None
        self._stopping = False

    async def run(self) -> None:
        """Poll until cancelled; then ``stop``."""
        wait = self._idle
        while True:
            try:
                await self._start_due()
                await self._store_outcomes()
            except DatabaseError as error:
                wait = wait_in_trouble(wait, self._lease)
                log.warning("feeds_not_polled", error=f"{type(error).__name__}: {error}")
            except Exception:
                wait = wait_in_trouble(wait, self._lease)
                log.exception("feeds_not_polled")
            else:
                wait = self._idle
            await self._clock.sleep(wait)

    async def poll_due(self) -> int:
        """Poll all that is due now, and return once that is stored; says how many feeds it was."""
        polled = 0
        while started := await self._start_due():
            polled += started
            await self._until_at_most(0)
            await self._store_outcomes(all_of_them=True)
        return polled

    async def stop(self) -> None:
        """Give up what is under way, and leave it to other processes."""
        self._stopping = True
        unfinished = list(self._running)
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._store_outcomes(all_of_them=True)
        if unfinished:
            await self._repository.feed_polls.release(
                feed_ids=unfinished, claimed_by=self._process, now=self._clock.now()
            )

    # Claims

    async def _start_due(self) -> int:
        """Claim what is due and begin to poll it, as much as there is room for; says how many."""
        started = 0
        while not self._stopping:
            await self._until_at_most(self._most - self._batch)
            now = self._clock.now()
            due = await self._repository.feed_polls.claim(
                claimed_by=self._process, now=now, until=now + self._lease, limit=self._batch
            )
            for feed in due:
                # One whose lease ended under way is being polled by this process already.
                if feed.feed_id not in self._running:
                    self._running[feed.feed_id] = asyncio.create_task(self._poll(feed))
            started += len(due)
            if len(due) < self._batch:
                break
        await self._renew()
        return started

    async def _until_at_most(self, running: int) -> None:
        """Return once no more polls than that are under way."""
        self._enough = running
        while len(self._running) > running:
            self._ended.clear()
            waits = [
                asyncio.ensure_future(self._ended.wait()),
                asyncio.ensure_future(self._clock.sleep(self._idle)),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in waits:
                    waiting.cancel()
            await self._store_outcomes()
            await self._renew()

    async def _renew(self) -> None:
        """Keep what is under way, a third of a lease after the last time."""
        now = self._clock.now()
        since = self._lease if self._renewed_at is None else now - self._renewed_at
        if timedelta() <= since < self._lease / 3:  # less than none: the clock was set back
            return
        self._renewed_at = now
        held = [*self._running, *(outcome.feed_id for outcome in self._outcomes)]
        if held:
            await self._repository.feed_polls.renew(
                feed_ids=held, claimed_by=self._process, until=now + self._lease
            )

    async def _store_outcomes(self, *, all_of_them: bool = False) -> None:
        """Store what has come in, a batch at a time; less only once it has waited.

        Where that fails, it is stored with the next.
        """
        while self._outcomes:
            now = self._clock.now()
            waited = self._oldest is not None and not timedelta() <= now - self._oldest < _OLDEST
            if len(self._outcomes) < self._batch and not waited and not all_of_them:
                return
            batch = self._outcomes[: self._batch]
            await self._repository.feed_polls.finish(
                claimed_by=self._process,
                now=now,
                feed_ids=[outcome.feed_id for outcome in batch],
                outcomes=tuple(batch),
            )
            del self._outcomes[: len(batch)]
            self._oldest = now

    # One feed

    async def _poll(self, feed: DuePoll) -> None:
        try:
            async with self._turns:
                outcome = await self._outcome(feed)
            if not self._outcomes:
                self._oldest = self._clock.now()
            self._outcomes.append(outcome)
        finally:
            del self._running[feed.feed_id]
            if len(self._running) <= self._enough:
                self._ended.set()

    async def _outcome(self, feed: DuePoll) -> PollOutcome:
        if not feed.followed:
            return _left_alone(feed, self._rhythm.most)
        validators = Validators(feed.etag, feed.last_modified, feed.digest)
        try:
            polled = await self._source.poll(feed, validators)
        except HostQueue as queue:
            # The feed has not failed, nor was its host asked: it is not its turn yet.
            wait = (queue.retry_after or _TROUBLE) * self._chance.uniform(1, 1.5)
            return _left_alone(feed, wait)
        except FeedError as error:
            return self._failed(feed, error.reason, getattr(error, "retry_after", None))
        except Exception as error:
            log.exception("feed_poll_failed", platform=feed.platform_id)
            return self._failed(feed, type(error).__name__, None)
        try:
            return await self._taken(feed, polled)
        except DatabaseError as error:
            log.warning("feed_items_not_stored", error=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("feed_items_not_stored", platform=feed.platform_id)
        failed = self._failed(feed, "storage", None)
        if feed.failures:
            return failed
        return msgspec.structs.replace(failed, wait_seconds=_seconds(_TROUBLE))

    async def _taken(self, feed: DuePoll, polled: Polled) -> PollOutcome:
        now = self._clock.now()
        digest = feed.items_digest if polled.not_modified else items_digest(polled.items)
        new = 0
        if digest != feed.items_digest:
            async with self._storing:
                new = await take_in(
                    self._repository,
                    feed.feed_id,
                    polled,
                    succeeded_at=feed.succeeded_at,
                    now=now,
                )
            if new:
                self._found()
        elif polled.moved_to is not None:
            await self._repository.feeds.renew(
                feed_id=feed.feed_id, name=None, items_id=polled.moved_to
            )
        interval = self._rhythm.next_interval(
            timedelta(seconds=feed.interval_seconds), polled.items, now, changed=new > 0
        )
        if new > _FLOOD and feed.succeeded_at is not None:
            # A few in a row would fill the disk; all come as one message, which need not be soon.
            interval = self._rhythm.most
        if not polled.complete and feed.succeeded_at is None and feed.failures < _BROKEN_OFF:
            # What it broke off before is no news once it comes: this was no first poll yet.
            return self._failed(feed, "truncated", polled.next_hint)
        return PollOutcome(
            feed_id=feed.feed_id,
            wait_seconds=_seconds(wait_after_success(interval, polled.next_hint, self._chance)),
            interval_seconds=_seconds(interval),
            etag=polled.validators.etag,
            last_modified=polled.validators.last_modified,
            digest=polled.validators.digest,
            items_digest=digest,
            failures=0,
            error=None,
            succeeded=True,
            changed=new > 0,
        )

    def _failed(self, feed: DuePoll, reason: str, retry_after: timedelta | None) -> PollOutcome:
        failures = feed.failures + 1
        wait = wait_after_failure(self._rhythm, failures, retry_after, self._chance)
        log.info("feed_failed", reason=reason, failures=failures, platform=feed.platform_id)
        return msgspec.structs.replace(_left_alone(feed, wait), failures=failures, error=reason)


def _left_alone(feed: DuePoll, wait: timedelta) -> PollOutcome:
    """As it was before; polled again after a wait."""
    return PollOutcome(
        feed_id=feed.feed_id,
        wait_seconds=_seconds(wait),
        interval_seconds=feed.interval_seconds,
        etag=feed.etag,
        last_modified=feed.last_modified,
        digest=feed.digest,
        items_digest=feed.items_digest,
        failures=feed.failures,
        error=None,
        succeeded=False,
        changed=False,
    )


def _seconds(wait: timedelta) -> int:
    return max(1, round(wait.total_seconds()))

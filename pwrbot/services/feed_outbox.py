"""The outbox: what each subscription is still to be told is sent, in order, at least once.

A queue (a subscription with something pending) is claimed by one process at a time, by a lease as
feeds are (``feed_poller.py``). Each message is noted as sent once Discord has it. A process that
dies between the two leaves the item pending; whoever takes over sends it again with the same nonce,
by which Discord knows it for some minutes; a post in a forum, which takes no nonce, is looked for.

One queue at a time is sent from into a channel, or to a member: what belongs together stays
together. The others wait in line, where they take no slot from other channels, nor is their claim
renewed: once it ends they are claimed anew, by whoever looks first, and who is next in line makes
sure of it.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.entities import ClaimedQueue
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_message import (
    Sender,
    Unavailable,
)
from pwrbot.services.feed_record import FeedRecord
from pwrbot.services.feed_schedule import wait_in_trouble
from pwrbot.services.queue_delivery import Place, QueueDelivery
from pwrbot.services.settings import SettingsService

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=45)
AT_ONCE: Final = 100
"""Channels and members that are sent to at the same time."""
GIVE_UP_AFTER: Final = timedelta(days=3)
"""How long an item is tried for, where what stands in its way may pass."""
_FEWEST_TRIES: Final = 8
"""After a long silence of the bot's own, old items are tried for as many times before that."""

_FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
"""Until something is tried to be sent again."""
_SPREAD: Final = 0.1


Key = tuple[int, int]
"""A queue: a subscriber, a feed."""


class FeedOutbox:
    """Sends what is pending, for ever. Several, in one process or many, share the queues."""

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        settings: SettingsService,
        sender: Sender,
        *,
        process: str,
        chance: random.Random | None = None,
        at_once: int = AT_ONCE,
        lease: timedelta = LEASE,
        idle_seconds: float = 1.0,
    ) -> None:
        """``process`` names this outbox among all that use the database; ``idle_seconds`` are
        between two looks at what is due.
        """
        self._repository = repository
        self._clock = clock
        self._record = FeedRecord(repository, clock)
        self._delivery = QueueDelivery(repository, settings, sender, self._record)
        self._process = process
        self._chance = chance or random.Random()
        self._at_once = at_once
        self._lease = lease
        self._idle = idle_seconds
        self._running: set[asyncio.Task[None]] = set()
        self._under_way: set[Key] = set()
        self._lost: set[Key] = set()
        """Queues under way whose claim has ended: they are another process's, or gone."""
        self._lines: dict[Place, dict[Key, ClaimedQueue]] = {}
        """Of each place that is sent to, the queues that come after the one under way."""
        self._wakes = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Something has come in: look at once."""
        self._wakes.set()

    async def run(self) -> None:
        """Send until cancelled; then ``stop``."""
        wait = self._idle
        while True:
            self._wakes.clear()
            try:
                await self._start_due()
            except DatabaseError as error:
                wait = wait_in_trouble(wait, self._lease)
                log.warning("feeds_not_sent", error=f"{type(error).__name__}: {error}")
            except Exception:
                wait = wait_in_trouble(wait, self._lease)
                log.exception("feeds_not_sent")
            else:
                wait = self._idle
            await self._pause(wait)

    async def send_due(self) -> int:
        """Send all that is due now; says from how many queues. For tests and tools."""
        worked = 0
        while started := await self._start_due():
            worked += started
            await asyncio.gather(*self._running)
        return worked

    async def stop(self, seconds: float) -> bool:
        """Let what is being sent arrive, at most that long; the rest stays pending.

        Says whether all that was under way arrived.
        """
        self._stopping = True
        waiting = [queue for line in self._lines.values() for queue in line.values()]
        tasks = [*self._running, *(asyncio.create_task(self._release(queue)) for queue in waiting)]
        if not tasks:
            return True
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            log.warning("feed_messages_abandoned", queues=len(late))
        return not late

    # Claims

    async def _start_due(self) -> int:
        """Claim queues as far as there is room, and begin to work them off; says how many."""
        room = self._at_once - len(self._running)
        if room <= 0 or self._stopping:
            return 0
        now = self._clock.now()
        claimed = await self._repository.feed_queues.claim(
            claimed_by=self._process, now=now, until=now + self._lease, limit=room
        )
        for queue in claimed:
            task = asyncio.create_task(self._get_in_line(queue))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wakes.set()

    async def _pause(self, seconds: float) -> None:
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._wakes.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()

    # Lines

    async def _get_in_line(self, queue: ClaimedQueue) -> None:
        """Wait behind who is sent from already; who is first works the line off."""
        try:
            place = await self._delivery.place(queue)
        except DatabaseError as error:
            _left(error)
            return
        if self._stopping:
            await self._release(queue)
            return
        for line in self._lines.values():
            line.pop(_key(queue), None)  # its feed was moved since it was claimed first
        if place in self._lines:
            self._lines[place][_key(queue)] = queue
            return
        line = self._lines[place] = {}
        first: ClaimedQueue | None = queue
        try:
            while first is not None:
                await self._work(first)
                first = await self._next(line)
        finally:
            del self._lines[place]

    async def _next(self, line: dict[Key, ClaimedQueue]) -> ClaimedQueue | None:
        """Who waited longest and is still this process's; None for nobody."""
        while line and not self._stopping:
            queue = line.pop(next(iter(line)))
            try:
                if await self._renew(queue):
                    return queue
            except DatabaseError as error:
                _left(error)
        return None

    # One queue

    async def _work(self, queue: ClaimedQueue) -> None:
        key = _key(queue)
        if key in self._under_way:  # in another line: it was moved to another channel meanwhile
            return
        self._under_way.add(key)
        renewing = asyncio.create_task(self._keep(queue))
        try:
            await self._work_off(queue)
        except DatabaseError as error:
            _left(error)
        except Exception:
            log.exception("feed_queue_failed")
            await self._again(queue, "internal_error")
        finally:
            renewing.cancel()
            self._under_way.discard(key)
            self._lost.discard(key)

    async def _keep(self, queue: ClaimedQueue) -> None:
        """Renew the claim while the queue is worked off."""
        while True:
            await self._clock.sleep(self._lease.total_seconds() / 3)
            try:
                if not await self._renew(queue):  # as after this machine was asleep
                    log.warning("feed_queue_lost")
                    self._lost.add(_key(queue))
                    return
            except DatabaseError as error:
                log.warning("feed_queue_not_kept", error=f"{type(error).__name__}: {error}")

    async def _renew(self, queue: ClaimedQueue) -> bool:
        """Whether the queue is still this process's: then it stays so for another lease."""
        kept = await self._repository.feed_queues.renew(
            subscriber_id=queue.subscriber_id,
            feed_id=queue.feed_id,
            claimed_by=self._process,
            until=self._clock.now() + self._lease,
        )
        return kept > 0

    async def _release(self, queue: ClaimedQueue) -> None:
        """Leave a queue to the next start."""
        try:
            await self._repository.feed_queues.release(
                subscriber_id=queue.subscriber_id,
                feed_id=queue.feed_id,
                claimed_by=self._process,
                now=self._clock.now(),
            )
        except DatabaseError as error:
            _left(error)

    async def _work_off(self, queue: ClaimedQueue) -> None:
        try:
            await self._delivery.deliver(queue, is_over=lambda: self._is_over(queue))
        except Unavailable as error:
            await self._again(queue, error.reason)
            return
        if self._stopping:
            await self._release(queue)
            return
        await self._repository.feed_queues.done(
            subscriber_id=queue.subscriber_id,
            feed_id=queue.feed_id,
            claimed_by=self._process,
            wakes=queue.wakes,
            now=self._clock.now(),
        )

    def _is_over(self, queue: ClaimedQueue) -> bool:
        """Whether the rest is left to another process, or to the next start."""
        return self._stopping or _key(queue) in self._lost

    async def _again(self, queue: ClaimedQueue, reason: str) -> None:
        """Later; what has been tried for long enough is given up."""
        now = self._clock.now()
        wait = min(_FIRST_WAIT * 2 ** min(queue.attempts, 20), LONGEST_WAIT)
        wait *= self._chance.uniform(1 - _SPREAD, 1 + _SPREAD)
        if queue.attempts >= _FEWEST_TRIES:
            await self._record.settle_all(
                queue, "given_up", reason, found_until=now - GIVE_UP_AFTER
            )
        await self._repository.feed_queues.retry(
            subscriber_id=queue.subscriber_id,
            feed_id=queue.feed_id,
            claimed_by=self._process,
            due_at=now + wait,
            reason=reason,
        )
        log.info("feed_messages_wait", reason=reason, attempts=queue.attempts + 1)


def _key(queue: ClaimedQueue) -> Key:
    return queue.subscriber_id, queue.feed_id


def _left(error: DatabaseError) -> None:
    """The lease ends by itself, and the queue is due again."""
    log.warning("feed_queue_left", error=f"{type(error).__name__}: {error}")

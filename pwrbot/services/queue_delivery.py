"""What a subscription is still to be told: read, filtered, sent message by message, and noted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from pwrbot.entities import ClaimedQueue, DeliveryState, FeedSettings, PendingItem, SubscriberKind
from pwrbot.feeds.filters import Filter, passes
from pwrbot.feeds.model import FoundItem
from pwrbot.repository import Repository
from pwrbot.services.feed_message import (
    Message,
    Refused,
    Sender,
    Waiting,
    digest_of,
    message_of,
)
from pwrbot.services.feed_record import FeedRecord
from pwrbot.services.settings import SettingsService

log = structlog.get_logger(__name__)

_PAGE: Final = 200  # items read at once
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[SubscriberKind, int]
"""Where messages go: a guild's channel, or a member."""


class QueueDelivery:
    """Sends what is pending in a queue that the caller has claimed. Methods raise DatabaseError."""

    def __init__(
        self,
        repository: Repository,
        settings: SettingsService,
        sender: Sender,
        record: FeedRecord,
    ) -> None:
        self._repository = repository
        self._settings = settings
        self._sender = sender
        self._record = record

    async def place(self, queue: ClaimedQueue) -> Place:
        """Where its messages go."""
        settings = await self._settings_of(queue)
        return queue.kind, _channel_id(queue, settings) or queue.target_id

    async def deliver(self, queue: ClaimedQueue, *, is_over: Callable[[], bool]) -> None:
        """Send all that is pending, until ``is_over``; what then remains stays pending.

        Raises Unavailable, where something else than the messages stands in the way for now.
        """
        settings = await self._settings_of(queue)
        channel_id = _channel_id(queue, settings)
        if not settings.enabled:
            await self._record.settle_all(queue, "skipped", "feeds_disabled")
        elif queue.kind == "guild" and channel_id is None:
            await self._record.settle_all(queue, "given_up", "no_channel")
        else:
            waiting = await self._read(queue, settings.digest_over)
            await self._send_all(queue, channel_id, waiting, is_over)

    async def _settings_of(self, queue: ClaimedQueue) -> FeedSettings:
        if queue.kind == "dm":
            return FeedSettings()
        return (await self._settings.get(queue.target_id)).feeds

    async def _read(self, queue: ClaimedQueue, digest_over: int) -> Waiting:
        """What is pending and passes the filter; what does not is noted as skipped."""
        waiting = Waiting(max(digest_over, 1))
        after, after_item_id = _BEGINNING, ""
        while True:
            page = await self._repository.feed_deliveries.pending(
                subscriber_id=queue.subscriber_id,
                feed_id=queue.feed_id,
                found_after=after,
                after_item_id=after_item_id,
                limit=_PAGE,
            )
            if queue.item_filter is not None and page:
                wanted = await asyncio.to_thread(_passing, queue.item_filter, page)
                unwanted = [item.item_id for item in page if item.item_id not in wanted]
                if unwanted:
                    await self._record.settle(queue, unwanted, "skipped", "filtered")
                for item in page:
                    if item.item_id in wanted:
                        waiting.add(item)
            else:
                for item in page:
                    waiting.add(item)
            if len(page) < _PAGE:
                return waiting
            after, after_item_id = page[-1].found_at, page[-1].item_id

    async def _send_all(
        self,
        queue: ClaimedQueue,
        channel_id: int | None,
        waiting: Waiting,
        is_over: Callable[[], bool],
    ) -> None:
        if waiting.is_digest:
            if not is_over():
                digest = digest_of(queue, channel_id, waiting)
                await self._send(queue, msgspec.structs.replace(digest, again=True), None)
            return
        for place, item in enumerate(waiting.items):
            if is_over():
                return
            message = message_of(queue, channel_id, item)
            if place == 0:
                message = msgspec.structs.replace(message, again=True)
            if not await self._send(queue, message, item.item_id):
                return

    async def _send(self, queue: ClaimedQueue, message: Message, item_id: str | None) -> bool:
        """Send one message and note what became of it; False where the rest was given up with it.

        ``item_id`` None: it stands for all that is pending up to its last item.
        """
        message_id = reason = None
        state: DeliveryState = "sent"
        only_this = True
        try:
            message_id = await self._sender.send(message)
        except Refused as refusal:
            log.info("feed_message_refused", reason=refusal.reason, to=queue.kind)
            state, reason, only_this = "given_up", refusal.reason, refusal.only_this
        if not only_this:
            await self._record.settle_all(queue, state, reason)
        elif item_id is not None:
            await self._record.settle(queue, [item_id], state, reason, message_id)
        else:
            until = message.items[-1].found_at
            await self._record.settle_all(queue, state, reason, message_id, until)
        return only_this


def _channel_id(queue: ClaimedQueue, settings: FeedSettings) -> int | None:
    return None if queue.kind == "dm" else queue.channel_id or settings.channel_id


def _passing(rules: Filter, items: Sequence[PendingItem]) -> set[str]:
    return {item.item_id for item in items if passes(rules, _as_found(item))}


def _as_found(item: PendingItem) -> FoundItem:
    return FoundItem(
        item_id=item.item_id,
        title=item.title,
        url=item.url,
        summary=item.summary,
        image_url=item.image_url,
        author=item.author,
        published_at=item.published_at,
    )

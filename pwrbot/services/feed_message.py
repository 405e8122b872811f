"""A message about new items of a feed: what it says, and what can become of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from pwrbot.entities import ClaimedQueue, PendingItem, SubscriberKind
from pwrbot.errors import PwrbotError
from pwrbot.nonces import nonce

DIGEST_SHOWS: Final = 10
"""The newest items of a digest, which it names; of the others it tells how many."""


class Refused(PwrbotError):
    """Discord will not take this, however often it is tried."""

    def __init__(self, reason: str, *, only_this: bool = False) -> None:
        super().__init__()
        self.reason = reason
        """A name such as ``missing_permission``, for the record."""
        self.only_this = only_this
        """It is this message that is refused; others may pass."""


class Unavailable(PwrbotError):
    """Discord does not take anything now; try again later."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, and where to."""

    kind: SubscriberKind
    target_id: int
    """A user's id, or a guild's."""
    channel_id: int | None
    """The channel or thread in the guild; None for direct messages."""
    items: Sequence[PendingItem]
    """One; of a digest the newest, oldest first."""
    total: int
    """How many items the message is about."""
    feed_name: str
    source_url: str
    role_id: int | None
    template: str | None
    nonce: str
    """The same for the same items of the same subscription."""
    again: bool = False
    """It may have been sent before: who did could not note it any more. Of a queue that is worked
    off that can be the first message alone."""

    @property
    def is_digest(self) -> bool:
        return self.total > 1


class Sender(Protocol):
    """What takes messages to Discord: ``pwrbot.feed_sender.FeedSender`` is it."""

    async def send(self, message: Message) -> int:
        """The message's id. Raises Refused, Unavailable."""
        ...


class Waiting:
    """What is to be sent of a queue: each item, or where they are many, the newest and how many."""

    def __init__(self, digest_over: int) -> None:
        self._digest_over = digest_over
        self.items: list[PendingItem] = []
        """In their order; all of them, unless it is a digest."""
        self.newest: deque[PendingItem] = deque(maxlen=DIGEST_SHOWS)
        self.total = 0

    @property
    def is_digest(self) -> bool:
        return self.total > self._digest_over

    def add(self, item: PendingItem) -> None:
        self.total += 1
        if not self.is_digest:
            self.items.append(item)
        self.newest.append(item)


def message_of(queue: ClaimedQueue, channel_id: int | None, item: PendingItem) -> Message:
    """Of one item."""
    return _about(queue, channel_id, [item], 1, nonce_of(queue, item.item_id))


def digest_of(queue: ClaimedQueue, channel_id: int | None, waiting: Waiting) -> Message:
    """Of all that waits."""
    first, last = waiting.items[0].item_id, waiting.newest[-1].item_id
    # Of exactly these items: with one more it is another message.
    nonce = nonce_of(queue, first, last, str(waiting.total))
    return _about(queue, channel_id, list(waiting.newest), waiting.total, nonce)


def _about(
    queue: ClaimedQueue,
    channel_id: int | None,
    items: list[PendingItem],
    total: int,
    nonce: str,
) -> Message:
    return Message(
        kind=queue.kind,
        target_id=queue.target_id,
        channel_id=channel_id,
        items=items,
        total=total,
        feed_name=queue.feed_name,
        source_url=queue.source_url,
        role_id=queue.role_id,
        template=queue.template,
        nonce=nonce,
    )


def nonce_of(queue: ClaimedQueue, *what: str) -> str:
    """The same for the same items of the same subscription."""
    return nonce(msgspec.json.encode([queue.subscriber_id, queue.feed_id, *what]))

"""What a poll found, taken in: each item once, with its deliveries, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from pwrbot.entities import FeedItem
from pwrbot.feeds.model import FoundItem, Polled
from pwrbot.repository import Repository

_MICROSECOND = timedelta(microseconds=1)


async def take_in(
    repository: Repository,
    feed_id: int,
    polled: Polled,
    *,
    succeeded_at: datetime | None,
    now: datetime,
) -> int:
    """Store what a feed shows, oldest first, and its name; says how many items are new.

    What is new goes into the outbox of who follows the feed, except after its first poll:
    ``succeeded_at`` is when the poll before began, None where there was none. Items that are known
    already are changed in place and not told of again. Raises DatabaseError.
    """
    by_id = {item.item_id: item for item in polled.items}
    async with repository.transaction() as tx:
        await tx.feeds.renew(feed_id=feed_id, name=polled.name, items_id=polled.moved_to)
        added = set(await tx.feed_item_ids.add(feed_id=feed_id, item_ids=list(by_id)))
        stored = await tx.feed_items.select_many(
            (feed_id, item_id) for item_id in by_id if item_id not in added
        )
        for row in stored:
            edited = _as_row(by_id[row.item_id], row.feed_id, row.found_at, row.published_at)
            if edited != row:
                await tx.feed_items.update(edited)
        if not added:
            return 0
        found = [item for item in by_id.values() if item.item_id in added]
        await tx.feed_items.insert_many(
            _as_row(item, feed_id, now + place * _MICROSECOND) for place, item in enumerate(found)
        )
        if succeeded_at is not None:
            await tx.feed_deliveries.fan_out(
                feed_id=feed_id,
                item_ids=[item.item_id for item in found],
                succeeded_at=succeeded_at,
            )
            await tx.feed_queues.wake(feed_id=feed_id, now=now)
        return len(found)


def items_digest(items: Iterable[FoundItem]) -> str:
    """A hash of all that items say: the same as the last time means that nothing is new."""
    return hashlib.blake2b(msgspec.json.encode(list(items)), digest_size=16).hexdigest()


def _as_row(
    item: FoundItem, feed_id: int, found_at: datetime, known: datetime | None = None
) -> FeedItem:
    """``known``: when it was published as far as was known before."""
    return FeedItem(
        feed_id=feed_id,
        item_id=item.item_id,
        title=item.title,
        url=item.url,
        published_at=min(item.published_at or known or found_at, found_at),
        found_at=found_at,
        summary=item.summary,
        image_url=item.image_url,
        author=item.author,
    )

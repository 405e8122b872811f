"""Feeds, their items, who is told, and who follows what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pwrbot.entities import Feed, FeedItem, FeedSubscription
from pwrbot.importing.feed_rows import Recipient, feed_of, item_of, recipient_of, source_feed
from pwrbot.importing.report import Report
from pwrbot.importing.rules import Rule
from pwrbot.importing.source import Source
from pwrbot.importing.target import Stage

_BATCH = 5000
"""Items held in memory."""


async def import_feeds(
    source: Source, stage: Stage, report: Report, channels: Mapping[int, int], now: datetime
) -> None:
    """Add the feeds and all that hangs on them, and have those polled that somebody now follows.

    ``channels``: of servers whose settings here name another channel for feeds, or none; their
    subscriptions keep the one they had.
    """
    feeds = await _feeds(source, stage, report, now)
    await _items(source, stage, report, feeds, now)
    subscribers = await _subscribers(source, stage, report)
    await _subscriptions(source, stage, report, feeds, subscribers, channels, now)


async def _feeds(source: Source, stage: Stage, report: Report, now: datetime) -> dict[Any, int]:
    """The id of each feed here by its id there."""
    tally = report.tally("feeds")
    there = await stage.feeds()
    known: dict[tuple[str, str], Feed] = {(one.platform_id, one.source_id): one for one in there}
    by_url = {one.source_url: one for one in there}
    before = {one.id for one in there}
    ids: dict[Any, int] = {}
    async for row in source.rows("feeds"):
        tally.read += 1
        given = source_feed(row, by_url=source.feeds_by_url)
        wanted = feed_of(given, now)
        if wanted is None:
            tally.left_out += 1
            report.found(Rule.UNKNOWN_PLATFORM, f"{given.name}: {given.source_url}")
            continue
        feed = known.get((wanted.platform_id, wanted.source_id)) or by_url.get(wanted.source_url)
        if feed is None:
            feed = await stage.add_feed(wanted)
            tally.added += 1
            known[feed.platform_id, feed.source_id] = by_url[feed.source_url] = feed
        else:
            tally.there += 1
            if feed.id not in before:
                report.found(Rule.SAME_FEED, f"{given.name}: {given.source_url}")
        ids[row[0]] = feed.id
    return ids


async def _items(
    source: Source, stage: Stage, report: Report, feeds: Mapping[Any, int], now: datetime
) -> None:
    tally = report.tally("feed items")
    items: dict[tuple[int, str], FeedItem] = {}

    async def add() -> None:
        tally.added += await stage.add_items(list(items.values()))
        items.clear()

    # Rows of one feed here that are several there come apart, and a dry run stores nothing to find.
    merged = _several(feeds)
    seen: set[tuple[int, str]] = set()
    async for feed, title, published in source.rows("feed_items"):
        tally.read += 1
        feed_id = feeds.get(feed)
        item = None if feed_id is None else item_of(feed_id, title, published, now)
        if item is None:
            tally.left_out += 1
            rule = Rule.ITEM_WITHOUT_FEED if feed_id is None else Rule.ITEM_BAD_TIME
            report.found(rule, f"{title} ({published})")
            continue
        key = item.feed_id, item.item_id
        if key in items or key in seen:
            continue
        if item.feed_id in merged:
            seen.add(key)
        items[key] = item
        if len(items) >= _BATCH:
            await add()
    await add()
    tally.there = tally.read - tally.added - tally.left_out


async def _subscribers(
    source: Source, stage: Stage, report: Report
) -> dict[Any, tuple[int, Recipient]]:
    """The id of each subscriber here, and who it is, by its id there."""
    tally = report.tally("subscribers")
    ids: dict[Any, tuple[int, Recipient]] = {}
    known: dict[tuple[str, int], int] = {}
    async for row, kind, target_id in source.rows("subscribers"):
        tally.read += 1
        told = recipient_of(kind, target_id)
        if told is None:
            tally.left_out += 1
            report.found(Rule.BAD_SUBSCRIBER, f"{kind} {target_id}")
            continue
        key = told.kind, told.target_id
        if key in known:
            tally.there += 1
            report.found(Rule.SAME_SUBSCRIBER, f"{kind} {target_id}")
        else:
            known[key], there = await stage.subscriber(*key)
            tally.there += there
            tally.added += not there
        ids[row] = known[key], told
    return ids


async def _subscriptions(
    source: Source,
    stage: Stage,
    report: Report,
    feeds: Mapping[Any, int],
    subscribers: Mapping[Any, tuple[int, Recipient]],
    channels: Mapping[int, int],
    now: datetime,
) -> None:
    tally = report.tally("feed subscriptions")
    wanted: dict[tuple[int, int], FeedSubscription] = {}
    async for feed, subscriber in source.rows("feed_subscriptions"):
        tally.read += 1
        feed_id, found = feeds.get(feed), subscribers.get(subscriber)
        if feed_id is None or found is None:
            tally.left_out += 1
            report.found(Rule.HALF_SUBSCRIPTION, f"subscriber {subscriber}, feed {feed}")
            continue
        subscriber_id, told = found
        if (subscriber_id, feed_id) in wanted:
            tally.left_out += 1
            report.found(Rule.SAME_SUBSCRIPTION, f"{told.kind} {told.target_id}, feed {feed}")
            continue
        channel_id = told.channel_id
        if told.kind == "guild" and channel_id is None:
            channel_id = channels.get(told.target_id)
        wanted[subscriber_id, feed_id] = FeedSubscription(
            subscriber_id=subscriber_id, feed_id=feed_id, channel_id=channel_id, created_at=now
        )
    tally.added = await stage.add_subscriptions(list(wanted.values()), now)
    tally.there = len(wanted) - tally.added


def _several(feeds: Mapping[Any, int]) -> set[int]:
    """The feeds here that are more than one there."""
    found: set[int] = set()
    twice: set[int] = set()
    for feed_id in feeds.values():
        (twice if feed_id in found else found).add(feed_id)
    return twice

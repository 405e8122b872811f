"""Feeds that say what a test wrote, followers, and a Discord that remembers what it was sent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pwrbot.clock import ManualClock
from pwrbot.entities import Feed, FeedDelivery, FeedSettings, FeedSubscription, Settings
from pwrbot.feeds.errors import FeedError, FeedNotFound
from pwrbot.feeds.model import Followed, FoundItem, Polled, Validators
from pwrbot.repository import Repository
from pwrbot.services.feed_message import Message
from pwrbot.services.feed_outbox import FeedOutbox
from pwrbot.services.feed_poller import FeedPoller
from pwrbot.services.settings import SettingsService

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GUILD = 1000


def item(item_id: str, title: str = "", **more: Any) -> FoundItem:
    return FoundItem(item_id, title or f"Title of {item_id}", **more)


class ScriptedSource:
    """What each feed shows, by its source_id: items, a Polled, or the error it gives."""

    def __init__(self) -> None:
        self.shows: dict[str, Sequence[FoundItem] | Polled | FeedError] = {}
        self.polled: list[tuple[str, Validators | None]] = []
        self.hold: asyncio.Event | None = None
        """While not set, no poll comes to its end."""
        self.asked = asyncio.Event()

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled:
        self.asked.set()
        self.polled.append((feed.source_id, validators))
        if self.hold is not None:
            await self.hold.wait()
        shown = self.shows.get(feed.source_id, FeedNotFound())
        if isinstance(shown, FeedError):
            raise shown
        return shown if isinstance(shown, Polled) else Polled(items=tuple(shown))

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self.polled)


class FakeDiscord:
    """Takes messages; knows a nonce again. ``trouble``: what the next ones are answered with."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.by_nonce: dict[str, int] = {}
        self.trouble: list[Exception | None] = []
        self.hold: asyncio.Event | None = None
        self.hold_channel: int | None = None
        """The one that is held up; all of them where it is None."""
        self.asked = asyncio.Event()
        self.held = asyncio.Event()

    async def send(self, message: Message) -> int:
        self.asked.set()
        if self.hold is not None and self.hold_channel in (None, message.channel_id):
            self.held.set()
            await self.hold.wait()
        if self.trouble and (error := self.trouble.pop(0)) is not None:
            raise error
        if message.nonce not in self.by_nonce:
            self.sent.append(message)
            self.by_nonce[message.nonce] = len(self.sent)
        return self.by_nonce[message.nonce]

    @property
    def titles(self) -> list[str]:
        """Of each message: its item's title, or how many items it is about."""
        return [str(m.total) if m.is_digest else m.items[0].title for m in self.sent]


class FeedScene:
    """One database, one clock, and as many pollers and outboxes on it as a test wants."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.clock = ManualClock(NOON)
        self.source = ScriptedSource()
        self.discord = FakeDiscord()
        self.settings = SettingsService(repository, self.clock)
        self.poller = self.make_poller("one")
        self.outbox = self.make_outbox("one")

    def make_poller(
        self, process: str, repository: Repository | None = None, **options: Any
    ) -> FeedPoller:
        return FeedPoller(
            repository or self.repository,
            self.clock,
            self.source,
            process=process,
            chance=random.Random(1),
            **options,
        )

    def make_outbox(
        self, process: str, repository: Repository | None = None, **options: Any
    ) -> FeedOutbox:
        return FeedOutbox(
            repository or self.repository,
            self.clock,
            self.settings,
            self.discord,
            process=process,
            chance=random.Random(1),
            **options,
        )

    async def feed(self, name: str = "news", *items: FoundItem) -> Feed:
        """A feed, scheduled for now, that shows these items."""
        feed = await self.repository.feeds.insert(
            Feed("web", name, name, name, "", f"https://{name}.example/", None, (), NOON)
        )
        self.source.shows[name] = items
        await self.repository.feed_polls.wake(
            feed_id=feed.id, interval_seconds=3600, now=self.clock.now()
        )
        return feed

    async def follow(
        self, feed: Feed, user_id: int | None = None, guild_id: int = GUILD, **more: Any
    ) -> FeedSubscription:
        """Somebody follows it: a guild in channel 5, or a member by direct messages."""
        kind = "guild" if user_id is None else "dm"
        who = await self.repository.subscribers.ensure(kind=kind, target_id=user_id or guild_id)
        channel_id = more.pop("channel_id", 5 if kind == "guild" else None)
        return await self.repository.feed_subscriptions.insert(
            FeedSubscription(who.id, feed.id, channel_id, self.clock.now(), **more)
        )

    async def followed_feed(self, *items: FoundItem, **more: Any) -> Feed:
        """A feed that has been polled once already, and somebody who follows it."""
        feed = await self.feed("news", *items)
        await self.follow(feed, **more)
        assert await self.poller.poll_due() == 1
        return feed

    async def publish(self, feed: Feed, *items: FoundItem) -> None:
        """It shows these items besides those it had, and is polled an interval later."""
        shown = self.source.shows[feed.source_id]
        assert not isinstance(shown, Polled | FeedError)
        self.source.shows[feed.source_id] = (*shown, *items)
        self.clock.advance(hours=7)
        await self.poller.poll_due()

    async def choose(self, **feeds: Any) -> None:
        """Change the guild's settings."""
        await self.settings.update(GUILD, lambda _: Settings(feeds=FeedSettings(**feeds)))

    async def deliveries(self) -> list[FeedDelivery]:
        rows = await self.repository.feed_deliveries.select_all()
        return sorted(rows, key=lambda row: (row.subscriber_id, row.found_at))

    async def states(self) -> list[tuple[str, str, str | None]]:
        """Of each delivery: the item, its state and the reason."""
        return [(row.item_id, row.state, row.reason) for row in await self.deliveries()]

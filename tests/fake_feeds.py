"""Feeds without a network: what a link leads to is what a test says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from pwrbot.feeds.errors import FeedError, FeedNotFound
from pwrbot.feeds.model import Followed, FoundFeed, FoundItem, Polled, Validators
from pwrbot.feeds.source import Sources


class FakeFeeds:
    """Every link on ``known`` leads to a feed; others to FeedNotFound."""

    def __init__(self) -> None:
        self._sources = Sources()
        self.known: dict[str, FoundFeed | FeedError] = {}
        self.asked: list[str] = []
        """The links that were looked for."""
        self.hold: asyncio.Event | None = None
        """While set to an event, finding waits for it."""
        self._wanted: tuple[int, asyncio.Event] | None = None
        self.most_at_once = 0
        self._at_once = 0

    def add(self, link: str, name: str = "News", items: int = 3, **more: Any) -> FoundFeed:
        """A feed with so many items, an hour apart, the newest of them called after it."""
        start = datetime(2026, 3, 18, tzinfo=UTC)
        found = FoundFeed(
            platform_id=more.pop("platform_id", "feed"),
            source_id=more.pop("source_id", link),
            items_id=link,
            name=name,
            description="",
            source_url=more.pop("source_url", link),
            first_poll=Polled(
                items=tuple(
                    FoundItem(
                        item_id=str(number),
                        title=f"{name} {number}",
                        url=f"{link}/{number}",
                        published_at=start + timedelta(hours=number),
                    )
                    for number in range(1, items + 1)
                )
            ),
            **more,
        )
        self.known[link] = found
        return found

    async def until_asked(self, times: int) -> None:
        """Return once so many links have been looked for."""
        if len(self.asked) < times:
            self._wanted = times, asyncio.Event()
            await self._wanted[1].wait()

    def of_link(self, link: str) -> Any:
        return self._sources.of_link(link)

    async def find(self, link: str) -> FoundFeed:
        _, url = self.of_link(link)
        self.asked.append(url)
        if self._wanted is not None and len(self.asked) >= self._wanted[0]:
            self._wanted[1].set()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(0)
            if self.hold is not None:
                await self.hold.wait()
        finally:
            self._at_once -= 1
        found = self.known.get(url, FeedNotFound())
        if isinstance(found, FeedError):
            raise found
        return found

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled:
        found = self.known[feed.items_id]
        if isinstance(found, FeedError):
            raise found
        return found.first_poll or Polled()

"""Steam: news of a game, by the RSS feed of the store."""

from __future__ import annotations

import re
from typing import ClassVar

from pwrbot.feeds.errors import FeedNotFound, LinkNotSupported
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.reading import find_document, poll_document
from pwrbot.feeds.urls import host_of, path_of


class Steam:
    platform_id: ClassVar = "steam"
    name: ClassVar = "Steam news"
    example: ClassVar = "https://store.steampowered.com/app/570"
    endpoint: ClassVar = "https://store.steampowered.com"
    limit: ClassVar[HostLimit | None] = None
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) in ("store.steampowered.com", "steamcommunity.com")

    def normalise(self, url: str) -> str:
        match path_of(url):
            case (
                ["app" | "games", app, *_]
                | ["news", "app", app, *_]
                | ["feeds", "news", "app", app, *_]
            ) if re.fullmatch(r"[0-9]{1,10}", app):
                return f"{self.endpoint}/app/{int(app)}"
        raise LinkNotSupported(
            f"Of Steam, games can be followed: give the link of one in the store, as {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        app = path_of(url)[1]
        document, first_poll = await find_document(fetch, self._feed(app))
        if not document.items and not document.name:
            raise FeedNotFound
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=app,
            items_id=app,
            name=re.sub(r"\s+(RSS Feed|News)$", "", document.name) or f"Steam app {app}",
            description=document.description,
            source_url=url,
            cover_url=document.image_url,
            tags=("game",),
            first_poll=first_poll,
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        return await poll_document(fetch, self._feed(feed.items_id), validators)

    def _feed(self, app: str) -> str:
        return f"{self.base}/feeds/news/app/{app}/?l=english"


SOURCE = Steam

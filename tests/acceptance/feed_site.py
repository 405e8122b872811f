"""Feeds on loopback, and Discord channels in which somebody follows each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from pwrbot.entities import Feed, FeedPoll, FeedSettings, FeedSubscription, Settings
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


class Site:
    """Feeds by number, each a JSON feed of the items it has published so far."""

    def __init__(self, feeds: int) -> None:
        self.published: list[list[str]] = [[] for _ in range(feeds)]
        self.polls: list[list[float]] = [[] for _ in range(feeds)]
        """When each was asked for, of ``time.monotonic``."""
        self.url = ""
        self.answers = asyncio.Event()
        """Cleared: who asks has to wait."""
        self.answers.set()

    def publish(self, number: int) -> None:
        """One more item, at the end as far as time goes."""
        items = self.published[number]
        items.append(f"{number}-{len(items)}")

    async def answer(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        self.polls[number].append(time.monotonic())
        await self.answers.wait()
        items = [{"id": name, "title": name} for name in reversed(self.published[number])]
        tag = f'"{len(items)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        document = {"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": items}
        return web.json_response(document, headers={"ETag": tag})


@asynccontextmanager
async def serving(feeds: int) -> AsyncIterator[Site]:
    site = Site(feeds)
    app = web.Application()
    app.router.add_get("/{number:\\d+}", site.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()


async def follow_all(repository: Repository, site: Site, guilds: list[Guild]) -> None:
    """Every guild follows every feed, each in a channel of its own named after the feed's number.

    The feeds have been polled before, and are due; no item is told of in a digest.
    """
    async with repository.transaction() as tx:
        for number in range(len(site.published)):
            address = f"{site.url}/{number}"
            feed = await tx.feeds.insert(
                Feed("feed", address, address, f"Feed {number}", "", address, None, (), EARLIER)
            )
            await tx.feed_polls.insert(FeedPoll(feed.id, EARLIER, 1, succeeded_at=EARLIER))
            for guild in guilds:
                who = await tx.subscribers.ensure(kind="guild", target_id=guild.id)
                channel = guild.channel(str(number))
                await tx.feed_subscriptions.insert(
                    FeedSubscription(who.id, feed.id, channel.id, EARLIER)
                )
        for guild in guilds:
            await tx.server_settings.save(
                guild_id=guild.id,
                settings=Settings(feeds=FeedSettings(digest_over=10_000)),
                version=0,
                now=EARLIER,
            )

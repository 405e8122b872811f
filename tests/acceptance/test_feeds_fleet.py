"""Two bots on one PostgreSQL: what one held when it was killed goes on with the other."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from pwrbot.repository import Repository
from pwrbot.sandbox import Sandbox
from tests.acceptance.feed_site import follow_all, serving
from tests.acceptance.process import BotProcess, of_sandbox, running

FEEDS = 12


async def test_the_other_bot_has_the_feeds_within_a_minute(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    url = migrated_postgres_url
    async with Sandbox() as sandbox, serving(FEEDS) as site, AsyncExitStack() as stack:
        channels = [str(number) for number in range(FEEDS)]
        guild = sandbox.add_guild("Home", text_channels=channels)
        repository = await Repository.open(url)
        stack.push_async_callback(repository.close)
        await follow_all(repository, site, [guild])

        async def start(shards: str) -> BotProcess:
            environ = of_sandbox(
                sandbox, url, SHARDS=shards, FEED_ALLOWED_HOSTS=urlsplit(site.url).netloc
            )
            return await stack.enter_async_context(running(environ, tmp_path))

        async def claims() -> dict[str, int]:
            polls = await repository.feed_polls.select_all()
            names = [poll.claimed_by for poll in polls if poll.claimed_by]
            return {name: names.count(name) for name in set(names)}

        site.answers.clear()
        first = await start("0/2")
        while sum((await claims()).values()) < FEEDS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        second = await start("1/2")
        await first.connected(sandbox)
        await second.connected(sandbox)
        await asyncio.sleep(3)  # long enough for the second to have looked for feeds that are due
        assert list((await claims()).values()) == [FEEDS]  # all of them the first one's
        asked = sum(map(len, site.polls))

        for number in range(FEEDS):
            site.publish(number)
        await first.kill()
        killed = time.monotonic()
        site.answers.set()

        def told() -> list[int]:
            return [len(sandbox.sent(guild.channel(name))) for name in channels]

        await sandbox.until(lambda: all(told()), within=60)
        print(f"\n{FEEDS} feeds told of {time.monotonic() - killed:.0f} s after the kill")
        assert sum(map(len, site.polls)) == asked + FEEDS  # each once
        assert told() == [1] * FEEDS
        await second.stop()

"""A process that polls and sends feeds as the bot does, and nothing else: made and killed cheaply.

It is forked from a server that has imported everything, so that fifty of them cost what one bot
does. ``kill`` is SIGKILL.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from secrets import token_hex

import discord
import msgspec

from pwrbot.clock import SystemClock
from pwrbot.discord_api import use_api
from pwrbot.feed_sender import FeedSender
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.pace import HostLimit
from pwrbot.repository import Repository
from pwrbot.services.feed_outbox import FeedOutbox
from pwrbot.services.feed_poller import FeedPoller
from pwrbot.services.feed_schedule import Rhythm
from pwrbot.services.settings import SettingsService


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What such a process needs to know."""

    database_url: str
    api_url: str
    token: str
    interval_seconds: float
    lease_seconds: float


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


@contextmanager
def working(plan: Plan) -> Iterator[ForkServerProcess]:
    """Such a process; at the end nothing of it is left."""
    process = _CONTEXT.Process(target=_main, args=(plan,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _main(plan: Plan) -> None:
    asyncio.run(_work(plan))


async def _work(plan: Plan) -> None:
    use_api(plan.api_url)
    clock, process = SystemClock(), token_hex(8)
    interval, lease = (
        timedelta(seconds=plan.interval_seconds),
        timedelta(seconds=plan.lease_seconds),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    repository = await Repository.open(plan.database_url)
    feeds = Feeds(
        clock,
        allowed=AllowedHosts.parse(["127.0.0.1"]),
        default_limit=HostLimit(10_000, 1, 50),
    )
    async with feeds, discord.Client(intents=discord.Intents.none()) as client:
        await client.login(plan.token)
        outbox = FeedOutbox(
            repository,
            clock,
            SettingsService(repository, clock),
            FeedSender(client),
            process=process,
            lease=lease,
            idle_seconds=0.05,
        )
        poller = FeedPoller(
            repository,
            clock,
            feeds,
            process=process,
            rhythm=Rhythm(interval, interval),
            found=outbox.wake,
            lease=lease,
            idle_seconds=0.05,
        )
        work = [asyncio.create_task(outbox.run()), asyncio.create_task(poller.run())]
        await stop.wait()
        for task in work:
            task.cancel()
        await asyncio.gather(poller.stop(), outbox.stop(5))
    await repository.close()

"""The life of the process that is the bot: boot, serve, stop, and what it exits with."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

import aiohttp
import discord
import structlog
from discord.utils import MISSING

from pwrbot.bot import Bot
from pwrbot.clock import Clock, SystemClock
from pwrbot.config import Config
from pwrbot.database import Database
from pwrbot.discord_api import GatewayUnknown, use_api
from pwrbot.errors import ConfigError, PwrbotError
from pwrbot.feed_work import FeedWork
from pwrbot.feeds.feeds import Feeds
from pwrbot.pictures import Studio
from pwrbot.repository import Repository
from pwrbot.services.feeds import FeedService
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice import VoiceTracker
from pwrbot.shards import ALL

log = structlog.get_logger(__name__)

T = TypeVar("T")

DRAIN_SECONDS = 4.0
"""How long commands under way get on shutdown; Docker kills after 10 seconds in all."""
STOP_SECONDS = 4.0
"""How long ending the sessions, and then Discord's farewell, may take."""
RETRY_SECONDS = (1, 2, 5, 10, 20, 30, 60)
"""The waits between attempts to reach Discord at the start."""

_AUTHENTICATION_FAILED = 4004


class TokenRefused(ConfigError):
    """Discord refused the token: reset it in the developer portal and set DISCORD_TOKEN anew."""


class DiscordUnreachable(PwrbotError):
    """Discord can't be reached: check the network and DISCORD_API_URL, then start the bot again."""


class GatewayLost(PwrbotError):
    """Discord ended the connection for good: the log says why. Start the bot again."""


OpenDatabase = Callable[[], AbstractAsyncContextManager[Database]]
"""Locks, migrates and connects on the way in; lets go of all of it on the way out."""


async def run_bot(config: Config, open_database: OpenDatabase, clock: Clock | None = None) -> int:
    """Be the bot until SIGINT or SIGTERM, which give 0; a second of them ends the process at once.

    Raises ConfigError and other PwrbotErrors, each with its ``exit_code``, when it can't start or
    Discord ends the connection for good.
    """
    token = config.require_token()
    use_api(config.discord_api_url)
    with Stop() as stop:
        try:
            async with AsyncExitStack() as stack:
                database = await stop.unless(stack.enter_async_context(open_database()))
                await _serve(config, token, database, clock or SystemClock(), stop)
        except Stopped:
            pass
    log.info("bot_stopped")
    return 0


async def _serve(config: Config, token: str, database: Database, clock: Clock, stop: Stop) -> None:
    feeds = Feeds(clock, allowed=config.feed_allowed_hosts, endpoints=config.feed_endpoints)
    shards = config.shards or ALL
    settings = SettingsService(database.repository, clock, config.default_timezone, shards=shards)
    statistics = VoiceStatistics(database.repository, clock, settings)
    tracker = VoiceTracker(
        database.repository,
        clock,
        settings,
        heartbeat_seconds=config.voice_heartbeat_seconds,
        shards=shards,
    )
    bot = Bot(
        database.repository,
        settings,
        statistics,
        tracker,
        FeedService(database.repository, clock, feeds),
        clock,
        shards=config.shards,
        command_sync=config.command_sync,
        feeds_enabled=config.feeds_enabled,
        engine_description=database.engine_description,
        schema_version=database.schema_version,
        studio=Studio(),
    )
    feed_work = FeedWork(config, database.repository, clock, settings, feeds, bot)
    await tracker.recover()
    async with feeds, bot:
        try:
            await stop.unless(_login(bot, token, clock))
            await stop.unless(
                _first_to_end(
                    _connect(bot, clock),
                    tracker.run_heartbeat(),
                    bot.voice_gateway.run_reconcile(config.voice_reconcile_seconds),
                    bot.voice_gateway.run_watch(),
                    bot.chores.run(),
                    feed_work.run(),
                    *_for_development(config, database.repository, clock),
                )
            )
        finally:
            await _wind_down(bot, tracker, feed_work, clock)


def _for_development(
    config: Config, repository: Repository, clock: Clock
) -> Iterator[Coroutine[Any, Any, None]]:
    if config.dev:
        from pwrbot.repository.reload import QueryReload

        yield QueryReload(repository, schema=config.database_schema).run(clock)


async def _wind_down(bot: Bot, tracker: VoiceTracker, feed_work: FeedWork, clock: Clock) -> None:
    """End what runs, in this order, each step within its time."""
    await asyncio.gather(bot.wind_down(DRAIN_SECONDS), feed_work.stop(DRAIN_SECONDS))
    for step, work in (
        ("voice_sessions", tracker.stop(clock.now())),
        ("gateway", bot.close()),
    ):
        try:
            await asyncio.wait_for(work, STOP_SECONDS)
        except Exception as error:
            log.error("stop_failed", step=step, error=type(error).__name__)


async def _login(bot: Bot, token: str, clock: Clock) -> None:
    async def attempt() -> None:
        try:
            await bot.login(token)
        except BaseException:
            # Each attempt opens an HTTP session of its own.
            await bot.http.close()
            bot.http.connector = MISSING
            raise

    await _retried(attempt, clock)


async def _connect(bot: Bot, clock: Clock) -> None:
    """Be connected until that ends for good, which is always an error here."""

    async def attempt() -> None:
        try:
            await bot.connect()
        except Exception as error:
            if not bot.is_closed():  # it never got as far as a connection
                raise
            code = error.code if isinstance(error, discord.ConnectionClosed) else None
            log.error("gateway_closed", code=code, error=type(error).__name__)
            if code == _AUTHENTICATION_FAILED:
                raise TokenRefused from None
            raise GatewayLost from error

    await _retried(attempt, clock)
    raise GatewayLost


async def _retried(attempt: Callable[[], Coroutine[Any, Any, None]], clock: Clock) -> None:
    """Try until it works, with growing waits. Raises TokenRefused, DiscordUnreachable."""
    for wait in (*RETRY_SECONDS, None):
        try:
            await attempt()
            return
        except discord.LoginFailure:
            raise TokenRefused from None
        except (
            discord.HTTPException,
            discord.GatewayNotFound,
            aiohttp.ClientError,
            OSError,
            TimeoutError,
            GatewayUnknown,
        ) as error:
            name, status = type(error).__name__, getattr(error, "status", None)
            if wait is None:
                log.error("discord_unreachable", error=name, status=status)
                raise DiscordUnreachable from None
            log.warning("discord_unreachable", error=name, status=status, retry_in_seconds=wait)
            await clock.sleep(wait)


async def _first_to_end(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of it until one ends, then end the others and raise what that one raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Stopped(Exception):
    """The process was told to stop."""


class Stop:
    """SIGINT and SIGTERM, while entered: the first asks for an end, the second makes one."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def __enter__(self) -> Stop:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.ask, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def ask(self, number: signal.Signals) -> None:
        if self._asked.is_set():
            # Open sessions end at the last heartbeat when the bot next starts.
            log.warning("bot_killed", signal=number.name)
            os._exit(128 + number)
        log.info("bot_stopping", signal=number.name)
        self._asked.set()

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives; raises Stopped, and cancels it, when asked to stop before."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            asked.cancel()
            task.cancel()
            await asyncio.gather(task, asked, return_exceptions=True)

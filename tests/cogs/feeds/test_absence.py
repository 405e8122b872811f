"""Servers that remove the bot and take it back, from Discord's word to the message in a channel."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from pwrbot.feed_sender import FeedSender
from pwrbot.repository import Repository
from pwrbot.sandbox import MANAGE_GUILD, Guild, Sandbox
from pwrbot.sandbox.render import render
from pwrbot.services.feed_outbox import FeedOutbox
from pwrbot.services.feed_poller import FeedPoller
from tests.cogs.feeds.asking import NEWS, follow
from tests.fake_feeds import FakeFeeds
from tests.live_bot import LiveBot, live_bot, make_bot


@pytest.fixture
async def live(
    sandbox: Sandbox, guild: Guild, repository: Repository, feeds: FakeFeeds
) -> AsyncIterator[LiveBot]:
    async with live_bot(sandbox, repository, feeds=feeds) as made:
        await made.bot.wait_until_ready()
        yield made


async def removed(live: LiveBot, guild: Guild) -> None:
    """The bot has heard that it was removed, and its chores were done."""
    heard = asyncio.create_task(live.bot.wait_for("guild_remove", timeout=10))
    await guild.remove_bot()
    await heard
    await live.bot.chores.once()


async def back(live: LiveBot, guild: Guild) -> None:
    await guild.add_bot()
    await live.heard(guild)
    await live.bot.chores.once()


async def absences(live: LiveBot) -> int:
    return await live.repository.feed_absences.count()


class Work:
    """Polls and sends when it is told to."""

    def __init__(self, live: LiveBot, feeds: FakeFeeds) -> None:
        self._live = live
        self._feeds = feeds
        repository, clock, settings = live.repository, live.clock, live.bot.settings
        self._poller = FeedPoller(repository, clock, feeds, process="one")
        sender = FeedSender(live.bot)
        self._outbox = FeedOutbox(repository, clock, settings, sender, process="one")

    async def until(self, hour: int) -> None:
        """By that hour of the day all that is due is polled, and what it brought is sent; a feed
        shows an item for each hour before."""
        self._live.clock.advance(hours=hour - self._live.clock.now().hour)
        self._feeds.add(NEWS, "News", items=hour - 1)
        await self._poller.poll_due()
        await self._outbox.send_due()

    def sent(self, guild: Guild) -> set[int]:
        """The items a server was told of."""
        messages = self._live.sandbox.sent(guild.channel("general"))
        text = "\n".join(render(each, lambda sign, id_: f"{sign}{id_}") for each in messages)
        return {int(number) for number in re.findall(r"News (\d+)", text)}


async def test_a_server_that_takes_the_bot_back(
    live: LiveBot, guild: Guild, sandbox: Sandbox, feeds: FakeFeeds
) -> None:
    other = sandbox.add_guild("Other")
    other.add_member("boss", permissions=MANAGE_GUILD)
    await back(live, other)
    work = Work(live, feeds)
    for each in (guild, other):
        await follow(live, each, "boss", links=NEWS)
    await work.until(13)
    assert work.sent(guild) == work.sent(other) == set()

    await removed(live, guild)
    await work.until(20)
    assert work.sent(other) == set(range(13, 20))

    await back(live, guild)
    live.clock.advance(minutes=1)
    await work.until(20)
    assert work.sent(guild) == set()
    assert {row.state for row in await live.repository.feed_deliveries.select_all()} == {"sent"}

    live.clock.advance(hours=3)
    await work.until(23)
    assert work.sent(guild) == {20, 21, 22}


async def test_an_outage_is_no_removal(live: LiveBot, guild: Guild) -> None:
    await follow(live, guild, "boss", links=NEWS)
    gone = asyncio.create_task(live.bot.wait_for("guild_unavailable", timeout=10))
    await guild.make_unavailable()
    await gone
    await live.bot.chores.once()
    assert await absences(live) == 0
    lost = asyncio.create_task(live.bot.wait_for("shard_disconnect", timeout=10))
    live.sandbox.drop_mode = True
    await live.sandbox.drop_connections(resume=False)
    await lost
    await live.bot.chores.once()
    assert await absences(live) == 0


async def test_a_new_session_tells_who_is_gone(live: LiveBot, guild: Guild) -> None:
    await follow(live, guild, "boss", links=NEWS)
    begun = asyncio.create_task(live.bot.wait_for("shard_connect", timeout=30))
    guild.bot_present = False
    await live.sandbox.drop_connections(resume=False)
    await begun
    await live.bot.chores.once()
    assert await absences(live) == 1


async def test_a_server_that_went_while_the_bot_was_down(
    sandbox: Sandbox, guild: Guild, repository: Repository, feeds: FakeFeeds
) -> None:
    async with live_bot(sandbox, repository, feeds=feeds) as live:
        await follow(live, guild, "boss", links=NEWS)
    await guild.remove_bot()

    unconnected = make_bot(repository, live.clock)
    async with unconnected:
        await unconnected.login(sandbox.token)
        chores = asyncio.create_task(unconnected.chores.run())
        await asyncio.sleep(0.2)
        assert await repository.feed_absences.count() == 0, "Discord has not said anything yet"
        chores.cancel()
        await asyncio.gather(chores, return_exceptions=True)

    async with live_bot(sandbox, repository, feeds=feeds) as live:
        await live.bot.chores.once()
        assert await absences(live) == 1

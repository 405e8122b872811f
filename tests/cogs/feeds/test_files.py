"""/feed import and export, as members see them."""

from __future__ import annotations

import asyncio

import pytest

from pwrbot.feeds.opml import read_opml
from pwrbot.sandbox import Guild, Reply
from tests.cogs.feeds.asking import BLOG, NEWS, follow, refused
from tests.fake_feeds import FakeFeeds
from tests.live_bot import LiveBot


def opml(*links: str) -> bytes:
    outlines = "".join(f'<outline type="rss" text="x" xmlUrl="{link}"/>' for link in links)
    return f'<opml version="2.0"><body>{outlines}</body></opml>'.encode()


async def imported(live: LiveBot, guild: Guild, content: bytes, **options: object) -> Reply:
    file = ("feeds.opml", content)
    reply = await live.ask(guild, "boss", "feed import", file=file, **options)
    return await reply.until(lambda now: now.deleted or not now.text.startswith("Importing"))


async def test_a_file_goes_in_and_comes_out(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    await follow(live, guild, "boss", links=NEWS)
    reply = await imported(live, guild, opml(NEWS, BLOG, "https://gone.example/"))
    assert "1 subscribed, 1 there already, 1 failed" in reply.text
    assert "❌ https://gone.example/: There is nothing at this address" in reply.text
    reply = await live.ask(guild, "ada", "feed export")
    assert reply.ephemeral
    assert "2 feeds" in reply.text
    [(name, content)] = reply.files.items()
    assert name == "feeds.opml"
    assert [outline.link for outline in read_opml(content)] == [BLOG, NEWS]
    reply = await imported(live, guild, content, to="me")
    assert reply.ephemeral
    assert "2 subscribed" in reply.text
    assert "nothing to export" in await refused(live, guild, "bob", "feed export", whose="mine")


async def test_feeds_that_are_off(live: LiveBot, guild: Guild) -> None:
    live.bot.feeds_enabled = False
    off = "⚠️ Whoever runs this bot has turned feeds off: nothing is read or posted"
    assert off in (await imported(live, guild, opml(NEWS))).text
    failing = [f"https://x{n}.example/" for n in range(12)]
    assert off in (await imported(live, guild, opml(*failing))).text


async def test_many_failures_come_as_a_file(live: LiveBot, guild: Guild) -> None:
    reply = await imported(live, guild, opml(*(f"https://x{n}.example/" for n in range(12))))
    assert "12 failed" in reply.text
    assert reply.text.count("❌") == 10
    [(name, content)] = reply.files.items()
    assert name == "failed.txt"
    assert content.decode().count("There is nothing at this address") == 12


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html></html>", "This is not an OPML file"),
        (opml(), "The file lists no feeds"),
        (b"x" * (1024 * 1024 + 1), "The file is larger than 1024 KiB"),
    ],
)
async def test_files_that_are_none(live: LiveBot, guild: Guild, content: bytes, said: str) -> None:
    file = ("feeds.opml", content)
    assert said in await refused(live, guild, "boss", "feed import", file=file)


async def test_one_file_at_a_time(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    feeds.hold = asyncio.Event()
    first = asyncio.create_task(imported(live, guild, opml(NEWS)))
    await feeds.until_asked(1)
    said = await refused(live, guild, "boss", "feed import", file=("f", opml(BLOG)))
    assert said.startswith("A file is being imported already")
    feeds.hold.set()
    assert "1 subscribed" in (await first).text


async def test_a_file_that_discord_does_not_give(live: LiveBot, guild: Guild) -> None:
    live.sandbox.fail_next("GET", "/attachments/.*", 404)
    said = await refused(live, guild, "boss", "feed import", file=("f", opml(NEWS)))
    assert said == "The file can't be had from Discord: upload it once more."

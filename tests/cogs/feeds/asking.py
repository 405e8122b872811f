"""Asking /feed as a member, to the end of its answer."""

from __future__ import annotations

from datetime import timedelta

from pwrbot.entities import FeedItem
from pwrbot.sandbox import Guild, Reply
from tests.live_bot import NOW, LiveBot

NEWS, BLOG = "https://news.example/feed", "https://blog.example/feed"


async def dm(live: LiveBot, guild: Guild, who: str, command: str, **options: object) -> Reply:
    return await live.sandbox.invoke(None, guild.member(who), command, options=options)


async def follow(live: LiveBot, guild: Guild, who: str, **options: object) -> Reply:
    """``/feed subscribe`` to its end."""
    return await done(await live.ask(guild, who, "feed subscribe", **options))


async def done(reply: Reply) -> Reply:
    return await reply.until(lambda now: now.deleted or not now.text.startswith("Looking at"))


async def channels(live: LiveBot) -> list[int | None]:
    return [each.channel_id for each in await live.repository.feed_subscriptions.select_all()]


async def refused(live: LiveBot, guild: Guild, who: str, command: str, **options: object) -> str:
    """The private sentence that a command ends with."""
    reply = await live.ask(guild, who, command, **options)
    return (await private(live, reply)).text


async def private(live: LiveBot, reply: Reply) -> Reply:
    """The message that only who asked can see."""
    if reply.deleted:
        await live.sandbox.until(lambda: bool(reply.follow_ups))
        [reply] = reply.follow_ups
    assert reply.ephemeral
    return reply


async def with_items(live: LiveBot, guild: Guild, *titles: str) -> None:
    """News, followed by the server, with these items, the oldest first."""
    await follow(live, guild, "boss", links=NEWS)
    for number, title in enumerate(titles, 1):
        at = NOW + timedelta(minutes=number)
        await live.repository.feed_items.insert(
            FeedItem(1, str(number), title, f"{NEWS}/{number}", at, at, "A summary", None, "Ada")
        )

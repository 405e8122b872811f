"""Messages about items, as they arrive in channels, threads, forums and direct messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from msgspec.structs import replace

from pwrbot.entities import PendingItem
from pwrbot.feed_sender import FeedSender
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox
from pwrbot.services.feed_message import Message, Refused, Unavailable
from pwrbot.shards import Shards
from tests.discord_addresses import keep_addresses
from tests.live_bot import NOW, LiveBot, live_bot


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(reaction=0.0) as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    guild = sandbox.add_guild("Home", members=["ada"], voice_channels=["Lounge"])
    guild.add_channel("feed")
    for name, kind in (("updates", "news"), ("ideas", "forum"), ("folder", "category")):
        guild.add_channel(name, kind)  # type: ignore[arg-type]
    guild.add_thread("talk", "feed")
    return guild


@pytest.fixture
async def live(sandbox: Sandbox, guild: Guild, migrated_sqlite_url: str) -> AsyncIterator[LiveBot]:
    repository = await Repository.open(migrated_sqlite_url)
    async with live_bot(sandbox, repository) as made:
        yield made
    await repository.close()


@pytest.fixture
def sender(live: LiveBot) -> FeedSender:
    return FeedSender(live.bot)


ITEM = PendingItem(
    "1", "A @everyone title", "https://x.example/a", NOW, NOW, "<b>Bold</b> <@&7>", None, "Ada"
)


def message(guild: Guild, channel: str | int | None = "feed", **more: Any) -> Message:
    if isinstance(channel, str):
        channel = guild.channel(channel).id
    about: dict[str, Any] = {
        "kind": "guild",
        "target_id": guild.id,
        "channel_id": channel,
        "items": [ITEM],
        "total": 1,
        "feed_name": "The News",
        "source_url": "https://x.example",
        "role_id": None,
        "template": None,
        "nonce": "n",
    }
    return Message(**(about | more))


@pytest.mark.parametrize("channel", ["feed", "updates", "talk", "Lounge"])
async def test_into_a_channel(
    sandbox: Sandbox, guild: Guild, sender: FeedSender, channel: str
) -> None:
    sent_id = await sender.send(message(guild, channel))
    (sent,) = sandbox.sent(guild.channel(channel))
    assert int(sent["id"]) == sent_id
    assert sandbox.messages.get(sent_id) is not None
    text = str(sent["components"])
    assert "https://x.example/a" in text
    assert sent["mentions"] == sent["mention_roles"] == []
    assert not sent["mention_everyone"]


async def test_into_a_forum_as_a_post_of_its_own(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    post_id = await sender.send(message(guild, "ideas"))
    post = guild.channels[post_id]
    assert (post.name, post.parent_id) == ("A @everyone title", guild.channel("ideas").id)
    assert len(sandbox.sent(post)) == 1
    for name, shown in (
        ("The News", "The News"),
        ("r/a_b *c* | d", "r/a_b *c* | d"),
        ("\n", "a feed"),
    ):
        digest = message(guild, "ideas", items=[ITEM] * 3, total=30, feed_name=name, nonce=name)
        assert guild.channels[await sender.send(digest)].name == f"30 new items in {shown}"
    long = message(guild, "ideas", items=[ITEM] * 3, total=30, feed_name="_" * 300)
    assert guild.channels[await sender.send(long)].name.startswith("30 new items in ____")


async def test_a_post_that_was_made_before_is_not_made_again(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    """A forum takes no nonce."""
    # The sandbox's posts are of this very day: found before that, whatever day it is.
    item = replace(ITEM, found_at=datetime(2020, 1, 1, tzinfo=UTC))
    first = await sender.send(message(guild, "ideas", items=[item], again=True))
    assert await sender.send(message(guild, "ideas", items=[item], again=True)) == first
    digest = message(guild, "ideas", items=[item] * 3, total=30, feed_name="r/a_b\n*c*", again=True)
    second = await sender.send(digest)
    assert await sender.send(digest) == second
    # The same title is not the same item, nor is the same item that is found later, or again.
    other = replace(item, url="https://x.example/b")
    later = replace(item, found_at=item.found_at + timedelta(days=9999))
    posts = {first, second}
    for items, again in (([other], True), ([later], True), ([item], False)):
        posts.add(await sender.send(message(guild, "ideas", items=items, again=again)))
    assert len(posts) == 5
    posts_by_others = guild.add_thread("A @everyone title", "ideas")
    assert posts_by_others.id not in posts


async def test_into_direct_messages(sandbox: Sandbox, guild: Guild, sender: FeedSender) -> None:
    ada = guild.member("ada").user
    direct = message(guild, None, kind="dm", target_id=ada.id)
    await sender.send(direct)
    assert len(sandbox.sent(ada)) == 1
    ada.dms_closed = True
    assert await reason(sender, replace(direct, nonce="m")) == "closed_dm"
    assert await reason(sender, replace(direct, target_id=1)) == "unknown_user"


async def test_only_the_chosen_role_is_pinged(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    readers, other = guild.add_role("readers"), guild.add_role("other")
    item = replace(ITEM, title=f"<@&{other.id}>", summary=f"<@{guild.member('ada').id}>")
    await sender.send(
        message(guild, role_id=readers.id, items=[item], template="{title} {summary} @here")
    )
    (sent,) = sandbox.sent(guild.channel("feed"))
    assert sent["mention_roles"] == [str(readers.id)]
    assert sent["mentions"] == []


async def test_an_archived_thread_is_brought_back(
    sandbox: Sandbox, guild: Guild, live: LiveBot, sender: FeedSender
) -> None:
    thread = guild.add_thread("old", "feed")
    thread.archived = True
    await sender.send(message(guild, "old"))
    assert not thread.archived
    thread.locked = True
    assert await reason(sender, message(guild, "old", nonce="m")) == "thread_locked"


async def test_a_lost_answer_makes_no_second_message(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    first = await sender.send(message(guild))
    assert await sender.send(message(guild)) == first
    await sender.send(message(guild, nonce="other"))
    assert len(sandbox.sent(guild.channel("feed"))) == 2
    assert sandbox.messages.repeats == 1


async def test_what_cannot_be_sent_says_why(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    other = sandbox.add_guild("Other")
    assert await reason(sender, message(guild, 1)) == "unknown_channel"
    assert await reason(sender, message(guild, other.channel("general").id)) == "unknown_channel"
    assert await reason(sender, message(guild, "folder")) == "not_a_text_channel"
    guild.channel("feed").denied = guild.channel("ideas").denied = True
    assert await reason(sender, message(guild)) == "missing_permission"
    assert await reason(sender, message(guild, "ideas")) == "missing_permission"
    guild.channel("ideas").denied = False
    guild.channel("ideas").requires_tag = True
    assert await reason(sender, message(guild, "ideas")) == "tag_required"
    gone = await guild.delete_channel("talk")
    assert await reason(sender, message(guild, gone.id)) == "unknown_channel"
    updates = message(guild, "updates")
    guild.bot_present = False
    assert await reason(sender, updates) == "missing_access", "before the bot is told"


async def told(live: LiveBot, event: str, change: Awaitable[None]) -> None:
    """Return once the bot has heard of a change."""
    heard = asyncio.create_task(live.bot.wait_for(event, timeout=10))
    await asyncio.sleep(0)
    await change
    await heard


async def test_a_server_without_the_bot_costs_no_request(
    live: LiveBot, sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    to_feed = message(guild)
    await live.bot.wait_until_ready()
    await told(live, "guild_unavailable", guild.make_unavailable())
    await sender.send(to_feed)
    await told(live, "guild_available", guild.make_available())
    await told(live, "guild_remove", guild.remove_bot())
    asked = len(sandbox.requests)
    assert await reason(sender, to_feed) == "not_in_server"
    assert len(sandbox.requests) == asked


async def test_a_server_of_another_process_is_tried(live: LiveBot, guild: Guild) -> None:
    await live.bot.wait_until_ready()
    await told(live, "guild_remove", guild.remove_bot())
    other = 1 - (guild.id >> 22) % 2
    sender = FeedSender(live.bot, Shards((other,), 2))
    assert await reason(sender, message(guild)) == "missing_access"


async def test_a_picture_that_discord_refuses_is_left_out(
    sandbox: Sandbox, guild: Guild, sender: FeedSender
) -> None:
    sandbox.fail_next("POST", "/messages", 400)
    pictured = replace(ITEM, image_url="https://x.example/p.png")
    await sender.send(message(guild, items=[pictured]))
    (sent,) = sandbox.sent(guild.channel("feed"))
    assert "p.png" not in str(sent["components"])
    sandbox.fail_next("POST", "/messages", 400, times=2)
    with pytest.raises(Refused) as refused:
        await sender.send(message(guild, nonce="m"))
    assert (refused.value.reason, refused.value.only_this) == ("message_refused", True)


async def test_discord_in_trouble(sandbox: Sandbox, guild: Guild, sender: FeedSender) -> None:
    sandbox.fail_next("POST", "/messages", 503, times=9)
    with pytest.raises(Unavailable) as trouble:
        await sender.send(message(guild))
    assert trouble.value.reason == "discord_answers_503"


@pytest.mark.parametrize(
    ("status", "code", "named"),
    [
        (403, 40003, "too_many_dms"),
        (400, 40003, "too_many_dms"),
        (403, 0, "discord_answers_403"),
        (429, 0, "discord_answers_429"),
    ],
)
async def test_a_refusal_that_passes_gives_nothing_up(
    guild: Guild,
    live: LiveBot,
    sender: FeedSender,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: int,
    named: str,
) -> None:
    """Too many direct messages at once; a 403 of what stands before Discord."""
    response: Any = SimpleNamespace(status=status, reason="")

    async def refuse(_: object) -> None:
        raise discord.HTTPException(response, {"code": code, "message": "No."})

    monkeypatch.setattr(live.bot, "create_dm", refuse)
    direct = message(guild, None, kind="dm", target_id=guild.member("ada").id)
    with pytest.raises(Unavailable) as trouble:
        await sender.send(direct)
    assert trouble.value.reason == named


async def reason(sender: FeedSender, message: Message) -> str:
    with pytest.raises(Refused) as refused:
        await sender.send(message)
    assert not refused.value.only_this
    return refused.value.reason

"""/feed as members of a server, and in direct messages, see it."""

from __future__ import annotations

import asyncio

import pytest

from pwrbot.cogs import feed_places
from pwrbot.entities import FeedItem
from pwrbot.feeds.errors import HostUnreachable
from pwrbot.sandbox import Guild
from tests.cogs.feeds.asking import BLOG, NEWS, channels, dm, done, follow, private, refused
from tests.fake_feeds import FakeFeeds
from tests.live_bot import NOW, LiveBot

SEND, EMBED = 1 << 11, 1 << 14


# Subscribing


async def test_each_link_is_told_of(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    feeds.known["https://slow.example/"] = HostUnreachable("timeout")
    reply = await follow(live, guild, "boss", links=f"{NEWS} {BLOG}, https://slow.example/")
    assert not reply.ephemeral
    assert reply.text.splitlines()[0] == "2 subscribed, 1 failed"
    assert f"✅ Subscribed to News ({NEWS})" in reply.text
    assert "✅ Subscribed to A *blog* @\u200beveryone" in reply.text
    assert "❌ https://slow.example/: The host does not answer in time" in reply.text
    assert "To #general" in reply.text
    assert reply.message["mentions"] == []
    assert await channels(live) == [guild.channel("general").id] * 2
    again = await follow(live, guild, "boss", links=NEWS)
    assert "☑️ Already subscribed to News" in again.text


async def test_progress_is_shown_while_links_are_looked_at(
    live: LiveBot, guild: Guild, feeds: FakeFeeds
) -> None:
    feeds.hold = asyncio.Event()
    asking = asyncio.create_task(follow(live, guild, "boss", links=NEWS))
    await feeds.until_asked(1)
    message = live.sandbox.messages.of(guild.channel("general"))[-1]
    await live.sandbox.until(lambda: "Looking at 1 link, 0 done" in str(message.payload))
    assert f"⏳ `{NEWS}`" in str(message.payload)
    feeds.hold.set()
    assert "1 subscribed" in (await asking).text


async def test_a_restart_leaves_no_progress_behind(
    live: LiveBot, guild: Guild, feeds: FakeFeeds
) -> None:
    feeds.hold = asyncio.Event()
    asking = asyncio.create_task(live.ask(guild, "boss", "feed subscribe", links=NEWS))
    await feeds.until_asked(1)
    message = live.sandbox.messages.of(guild.channel("general"))[-1]
    await live.sandbox.until(lambda: "Looking at 1 link, 0 done" in str(message.payload))
    assert not await live.bot.wind_down(0.01)
    reply = await asking
    assert (await private(live, reply)).text.startswith("Interrupted by a restart")
    assert await live.repository.feed_subscriptions.count() == 0


async def test_to_another_channel_and_back(live: LiveBot, guild: Guild) -> None:
    other = await guild.create_channel("news")
    reply = await follow(live, guild, "boss", links=NEWS, channel=other)
    assert "To #news" in reply.text
    reply = await follow(live, guild, "boss", links=NEWS)
    assert "☑️ Already subscribed to News" in reply.text
    assert "in #news" in reply.text
    reply = await follow(live, guild, "boss", links=NEWS, to="here")
    assert "↪️ Moved News" in reply.text
    assert await channels(live) == [guild.channel("general").id]


async def test_to_the_servers_channel(live: LiveBot, guild: Guild) -> None:
    said = await refused(live, guild, "boss", "feed subscribe", links=NEWS, to="server")
    assert said.startswith("This server has no channel for feeds yet")
    await live.ask(guild, "boss", "feed settings", channel="general")
    reply = await follow(live, guild, "boss", links=NEWS, to="server")
    assert "To this server's feed channel #general" in reply.text
    assert await channels(live) == [None]


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (" , ", "There is no link in that"),
        (" ".join(f"a{n}.example" for n in range(11)), "That is more than 10 links"),
    ],
)
async def test_no_links_and_too_many(live: LiveBot, guild: Guild, links: str, said: str) -> None:
    assert said in await refused(live, guild, "boss", "feed subscribe", links=links)


async def test_nothing_is_posted_where_the_bot_may_not(live: LiveBot, guild: Guild) -> None:
    guild.everyone.permissions &= ~(SEND | EMBED)
    await guild.make_unavailable()
    await guild.make_available()
    await live.heard(guild)
    said = await refused(live, guild, "boss", "feed subscribe", links=NEWS, channel="general")
    assert said.startswith("I can't post to #general: let me Send Messages and Embed Links there")
    said = await refused(live, guild, "boss", "feed settings", channel="general")
    assert "Embed Links" in said
    said = await refused(live, guild, "boss", "feed subscribe", links=NEWS, channel="Lounge")
    assert "Feeds can't be posted to #Lounge" in said


async def test_a_channel_that_is_long_looked_for_is_told_of_in_time(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_places, "LOOK_SECONDS", 0.05)
    archived = guild.add_thread("old", "general")  # the bot was never told of it
    live.sandbox.fail_next("GET", f"/channels/{archived.id}", delay=0.5)
    reply = await live.ask(guild, "boss", "feed subscribe", links=NEWS, channel=archived)
    assert reply.ephemeral
    assert reply.text == "Discord is slow to answer: try again in a minute."
    reply = await follow(live, guild, "boss", links=NEWS, channel=archived)
    assert "1 subscribed" in reply.text


async def test_a_forum_that_wants_tags_and_a_locked_thread_are_refused(
    live: LiveBot, guild: Guild
) -> None:
    guild.add_channel("ideas", "forum").requires_tag = True
    guild.add_thread("talk", "general").locked = True
    await guild.make_unavailable()
    await guild.make_available()
    await live.heard(guild)
    for command, options in (("feed subscribe", {"links": NEWS}), ("feed settings", {})):
        said = await refused(live, guild, "boss", command, channel="ideas", **options)
        assert said.startswith("#ideas wants a tag on each post, and mine have none: allow posts")
        said = await refused(live, guild, "boss", command, channel="talk", **options)
        assert said.startswith("#talk is locked: unlock it, let me Manage Threads there")
    assert await live.repository.feed_subscriptions.count() == 0


# In direct messages


async def test_in_direct_messages(live: LiveBot, guild: Guild) -> None:
    reply = await done(await dm(live, guild, "ada", "feed subscribe", links=NEWS))
    assert "To your direct messages" in reply.text
    reply = await dm(live, guild, "ada", "feed list")
    assert "Your feeds" in reply.text
    assert "News" in reply.text
    reply = await dm(live, guild, "ada", "feed subscribe", links=BLOG, to="server")
    assert (
        await private(live, reply)
    ).text == "In direct messages feeds can only come to you: leave out where to."
    reply = await dm(live, guild, "ada", "feed unsubscribe", feed="News")
    assert "Unsubscribed" in reply.text
    reply = await dm(live, guild, "ada", "feed settings")
    assert reply.text == "This command works in a server, not in a direct message."


async def test_discord_is_told_where_it_works(live: LiveBot) -> None:
    [feed] = [body for body in live.sandbox.commands.all() if body["name"] == "feed"]
    assert feed["contexts"] == [0, 1]
    assert feed["integration_types"] == [0]
    assert feed["default_member_permissions"] is None


# Unsubscribing


async def test_what_is_followed_is_offered_without_a_write(
    live: LiveBot, guild: Guild, feeds: FakeFeeds
) -> None:
    long = "https://long.example/" + "x" * 500
    feeds.add(long, "Long " + "y" * 200)
    await follow(live, guild, "boss", links=f"{NEWS} {long}")
    await follow(live, guild, "ada", links=BLOG, to="me")
    subscribers = await live.repository.subscribers.count()

    async def offered(who: str, typed: str) -> list[tuple[str, str]]:
        choices = await live.sandbox.autocomplete(guild, who, "feed unsubscribe", "feed", typed)
        return [(choice["name"], choice["value"]) for choice in choices]

    everything = await offered("ada", "")
    assert [name[:13] for name, _ in everything] == [
        "Server · Long",
        "Server · News",
        "You · A *blog",
    ]
    assert all(len(name) <= 100 and len(value) <= 100 for name, value in everything)
    assert [name for name, _ in await offered("bob", "new")] == ["Server · News"]
    assert await live.repository.subscribers.count() == subscribers
    [(_, value)] = await offered("boss", "long")
    reply = await live.ask(guild, "boss", "feed unsubscribe", feed=value)
    assert "Nothing more comes from Long yyy" in reply.text


async def test_what_was_typed_must_fit_one(live: LiveBot, guild: Guild) -> None:
    await follow(live, guild, "boss", links=f"{NEWS} {BLOG}")
    assert "fits several" in await refused(live, guild, "boss", "feed unsubscribe", feed="feed")
    assert "Nothing like" in await refused(live, guild, "boss", "feed unsubscribe", feed="zzz")
    assert "any more" in await refused(live, guild, "boss", "feed unsubscribe", feed="you:1")
    assert await live.repository.feed_subscriptions.count() == 2


async def test_nobody_removes_what_is_another_servers_or_members(
    live: LiveBot, guild: Guild
) -> None:
    await follow(live, guild, "ada", links=NEWS, to="me")
    assert "any more" in await refused(live, guild, "bob", "feed unsubscribe", feed="you:1")
    assert await live.repository.feed_subscriptions.count() == 1


# The list


async def test_a_list_with_pages_and_undo(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    links = [f"https://site{number}.example/feed" for number in range(7)]
    for number, link in enumerate(links):
        feeds.add(link, f"Site {number}")
    await follow(live, guild, "boss", links=" ".join(links))
    await live.repository.feed_items.insert(
        FeedItem(1, "1", "**First** <@1>", None, NOW, NOW),
    )
    board = await live.ask(guild, "boss", "feed list")
    assert not board.ephemeral
    assert board.text.splitlines()[:2] == ["Feeds of this server", "7 feeds"]
    assert "**First** <@\u200b1>" in board.text
    assert board.text.count("[Remove]") == 5
    first = board.controls[0]["custom_id"]
    await board.press(first)
    assert board.text.count("[Undo]") == 1
    assert "6 feeds" in board.text
    assert await live.repository.feed_subscriptions.count() == 6
    await board.press("Undo")
    assert board.text.count("[Remove]") == 5
    assert await live.repository.feed_subscriptions.count() == 7
    await board.press("▶")
    assert "Site 6" in board.text
    await board.press("Remove")
    await board.press("◀")
    await board.press("▶")
    assert "Site 5" not in board.text
    assert "[Undo]" not in board.text


async def test_only_who_may_can_remove(live: LiveBot, guild: Guild) -> None:
    await follow(live, guild, "boss", links=NEWS)
    board = await live.ask(guild, "ada", "feed list")
    assert "News" in board.text
    assert board.controls == []
    board = await live.ask(guild, "boss", "feed list")
    stranger = await board.press("Remove", by=guild.member("ada"))
    assert "Only the member who asked" in stranger.text
    boss = guild.member("boss")
    boss.roles.clear()
    said = await board.press("Remove")
    assert said.ephemeral
    assert "you need Manage Server" in said.text
    assert await live.repository.feed_subscriptions.count() == 1


async def test_an_empty_list(live: LiveBot, guild: Guild) -> None:
    assert "Nothing yet" in (await live.ask(guild, "ada", "feed list")).text


async def test_the_worst_names_fit(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    links = [f"https://{number}.example/" + "(" * 150 for number in range(10)]
    for link in links:
        feeds.add(link, "*" * 300)
    reply = await follow(live, guild, "boss", links=" ".join(links))
    assert "10 subscribed" in reply.text
    for number in range(1, 11):
        await live.repository.feed_items.insert(
            FeedItem(number, "1", "*" * 300, links[number - 1], NOW, NOW)
        )
    assert "[Remove]" in (await live.ask(guild, "boss", "feed list")).text
    assert "10 feeds" in (await live.ask(guild, "boss", "feed health")).text


# Settings


async def test_settings(live: LiveBot, guild: Guild) -> None:
    role = await guild.create_role("reader")
    reply = await live.ask(guild, "boss", "feed settings")
    assert reply.ephemeral
    assert "Feeds of this server\n" in reply.text
    assert "Feeds: on" in reply.text
    assert "May add feeds: Manage Server" in reply.text
    reply = await live.ask(
        guild,
        "boss",
        "feed settings",
        channel="general",
        subscribe_role=role,
        digest_over=3,
        enabled=False,
    )
    assert "In force now" in reply.text
    assert "Feeds: off, nothing is posted" in reply.text
    assert "Channel for feeds: #general" in reply.text
    assert "May add feeds: @reader and Manage Server" in reply.text
    assert "before they come as one: 3" in reply.text
    assert "Channel for feeds: #general" in (await live.ask(guild, "boss", "settings show")).text
    reply = await live.ask(guild, "boss", "feed settings", clear="subscribe_role")
    assert "May add feeds: Manage Server" in reply.text
    off = "⚠️ Feeds are turned off in this server"
    assert off in (await live.ask(guild, "boss", "feed health")).text
    assert off in (await live.ask(guild, "boss", "feed list")).text
    assert off in (await follow(live, guild, "boss", links=NEWS)).text
    assert "turned off" not in (await follow(live, guild, "boss", links=NEWS, to="me")).text


async def test_feeds_that_the_host_turned_off(live: LiveBot, guild: Guild) -> None:
    live.bot.feeds_enabled = False
    off = "⚠️ Whoever runs this bot has turned feeds off: nothing is read or posted"
    assert off in (await follow(live, guild, "boss", links=NEWS)).text
    for command in ("feed list", "feed health"):
        assert off in (await live.ask(guild, "boss", command)).text
        assert off in (await dm(live, guild, "boss", command)).text


async def test_a_role_to_ping(live: LiveBot, guild: Guild) -> None:
    role = await guild.create_role("reader")
    await follow(live, guild, "boss", links=NEWS)
    reply = await live.ask(guild, "boss", "feed ping", feed="News", role=role)
    assert "@reader is pinged with new items of News" in reply.text
    assert reply.message["mention_roles"] == []
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.role_id == role.id
    await live.ask(guild, "boss", "feed ping", feed="News")
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.role_id is None

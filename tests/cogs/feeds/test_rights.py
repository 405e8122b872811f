"""Who may change what a server follows, and where."""

from __future__ import annotations

import discord
import pytest

from pwrbot.sandbox import Guild
from tests.cogs.feeds.asking import BLOG, NEWS, channels, follow, refused
from tests.live_bot import LiveBot

MENTION_EVERYONE, SEND = 1 << 17, 1 << 11


async def test_members_follow_for_themselves_and_not_for_the_server(
    live: LiveBot, guild: Guild
) -> None:
    said = await refused(live, guild, "ada", "feed subscribe", links=NEWS)
    assert said == (
        "To change this server's feeds you need Manage Server. "
        "For yourself alone you always can: choose to: me."
    )
    assert await live.repository.feed_subscriptions.count() == 0
    reply = await follow(live, guild, "ada", links=NEWS, to="me")
    assert reply.ephemeral
    assert "To your direct messages" in reply.text
    assert (await live.ask(guild, "ada", "feed list", whose="mine")).ephemeral


async def test_a_role_may_subscribe_and_another_unsubscribe(live: LiveBot, guild: Guild) -> None:
    adds, removes = await guild.create_role("adds"), await guild.create_role("removes")
    await live.ask(guild, "boss", "feed settings", subscribe_role=adds, unsubscribe_role=removes)
    await guild.give_role("ada", adds)
    await guild.give_role("bob", removes)
    await live.heard(guild)
    assert "1 subscribed" in (await follow(live, guild, "ada", links=NEWS)).text
    said = await refused(live, guild, "ada", "feed unsubscribe", feed="News")
    assert "you need the role @removes or Manage Server" in said
    said = await refused(live, guild, "bob", "feed subscribe", links=BLOG)
    assert "you need the role @adds or Manage Server" in said
    assert "Unsubscribed" in (await live.ask(guild, "bob", "feed unsubscribe", feed="News")).text


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("feed filter add", {"feed": "News", "rule": "contains", "text": "x"}),
        ("feed filter remove", {"feed": "News", "number": 1}),
        ("feed ping", {"feed": "News"}),
        ("feed unsubscribe", {"feed": "News"}),
        ("feed settings", {"enabled": False}),
        ("feed settings", {}),
    ],
)
async def test_others_change_nothing_of_the_server(
    live: LiveBot, guild: Guild, command: str, options: dict[str, object]
) -> None:
    await follow(live, guild, "boss", links=NEWS)
    before = await live.repository.feed_subscriptions.select_all()
    assert "Manage Server" in await refused(live, guild, "ada", command, **options)
    assert await live.repository.feed_subscriptions.select_all() == before
    assert await live.repository.server_settings.count() == 0


async def test_nobody_posts_through_the_bot_where_they_could_not(
    live: LiveBot, guild: Guild
) -> None:
    adds, speaks = await guild.create_role("adds"), await guild.create_role("speaks", SEND)
    await live.ask(guild, "boss", "feed settings", subscribe_role=adds, channel="general")
    guild.everyone.permissions &= ~SEND
    guild.me.roles.append(speaks)
    await guild.make_unavailable()
    await guild.make_available()
    await guild.give_role("ada", adds)
    await live.heard(guild)
    for more in ({}, {"channel": "general"}):
        said = await refused(live, guild, "ada", "feed subscribe", links=NEWS, **more)
        assert said.startswith("You may not post to #")
    assert "1 subscribed" in (await follow(live, guild, "ada", links=NEWS, to="server")).text
    assert "1 subscribed" in (await follow(live, guild, "boss", links=BLOG, channel="general")).text
    await guild.give_role("ada", speaks)
    await live.heard(guild)
    assert "Moved" in (await follow(live, guild, "ada", links=NEWS, channel="general")).text


async def test_nobody_pings_through_the_bot_whom_they_could_not(
    live: LiveBot, guild: Guild
) -> None:
    role, everybody = await guild.create_role("reader"), guild.everyone
    everybody.permissions &= ~MENTION_EVERYONE
    await live.ask(guild, "boss", "feed settings", subscribe_role=everybody)
    await follow(live, guild, "ada", links=NEWS)
    said = await refused(live, guild, "boss", "feed ping", feed="News", role=everybody)
    assert said.startswith("Everyone can't be pinged")
    said = await refused(live, guild, "ada", "feed ping", feed="News", role=role)
    assert said.startswith("You can't ping @reader yourself")


async def test_whom_they_could_ping_is_asked_of_the_feeds_channel(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, everybody = await guild.create_role("reader"), guild.everyone
    everybody.permissions &= ~MENTION_EVERYONE
    await live.ask(guild, "boss", "feed settings", subscribe_role=everybody)
    await follow(live, guild, "ada", links=NEWS, channel=await guild.create_channel("news"))
    plain = discord.TextChannel.permissions_for

    def overwritten(channel: discord.TextChannel, who: discord.Member) -> discord.Permissions:
        permissions = plain(channel, who)
        if channel.name == "news":
            permissions.mention_everyone = in_news
        return permissions

    monkeypatch.setattr(discord.TextChannel, "permissions_for", overwritten)
    in_news = True
    reply = await live.ask(guild, "ada", "feed ping", feed="News", role=role)
    assert "@reader is pinged" in reply.text
    in_news = False
    everybody.permissions |= MENTION_EVERYONE  # as in #general, where she asks
    said = await refused(live, guild, "ada", "feed ping", feed="News", role=role)
    assert said.startswith("You can't ping @reader yourself")


async def test_a_ping_is_not_moved_to_where_they_could_not_ping(
    live: LiveBot, guild: Guild
) -> None:
    role, everybody = await guild.create_role("reader"), guild.everyone
    await guild.change_role(everybody, everybody.permissions & ~MENTION_EVERYONE)
    await live.heard(guild)
    await live.ask(guild, "boss", "feed settings", subscribe_role=everybody)
    await follow(live, guild, "boss", links=NEWS)
    await live.ask(guild, "boss", "feed ping", feed="News", role=role)
    other = await guild.create_channel("other")
    stays = await follow(live, guild, "ada", links=NEWS, channel=other)
    assert "ask somebody who manages the server to move it" in stays.text
    await live.ask(guild, "boss", "feed ping", feed="News")
    assert "Moved" in (await follow(live, guild, "ada", links=NEWS, channel=other)).text


# What is told where a member could not post themselves


@pytest.fixture
async def announced(live: LiveBot, guild: Guild) -> Guild:
    """News comes to #general, where of all members only the bot may post; ada may add feeds."""
    adds, speaks = await guild.create_role("adds"), await guild.create_role("speaks", SEND)
    await live.ask(guild, "boss", "feed settings", subscribe_role=adds)
    guild.everyone.permissions &= ~SEND
    guild.me.roles.append(speaks)
    guild.add_thread("talk", "general")
    await guild.make_unavailable()
    await guild.make_available()
    await guild.give_role("ada", adds)
    await live.heard(guild)
    await follow(live, guild, "boss", links=NEWS, channel="general")
    return guild


CHANGES: list[tuple[str, dict[str, object]]] = [
    ("feed template set", {"template": "**A prize** for {title}"}),
    ("feed template reset", {}),
    ("feed filter add", {"rule": "contains", "text": "zzzz"}),
    ("feed filter remove", {"number": 1}),
    ("feed ping", {}),
]


@pytest.mark.parametrize(("command", "options"), CHANGES)
async def test_nobody_changes_what_is_said_where_they_could_not_post(
    live: LiveBot, announced: Guild, command: str, options: dict[str, object]
) -> None:
    before = await live.repository.feed_subscriptions.select_all()
    assert await refused(live, announced, "ada", command, feed="News", **options) == (
        "You may not post to #general yourself, so how this feed is told there isn't yours to "
        "change: ask somebody who manages the server."
    )
    assert await live.repository.feed_subscriptions.select_all() == before


@pytest.mark.parametrize("channel", ["general", None])
async def test_it_is_the_same_in_the_servers_feed_channel(
    live: LiveBot, announced: Guild, channel: str | None
) -> None:
    await live.ask(announced, "boss", "feed settings", channel="general")
    await follow(live, announced, "boss", links=NEWS, to="server")
    if channel is None:
        await live.ask(announced, "boss", "feed settings", clear="channel")
    said = await refused(live, announced, "ada", "feed template reset", feed="News")
    assert said.startswith("You may not post")


async def test_who_could_post_there_may_change_it(live: LiveBot, announced: Guild) -> None:
    await follow(live, announced, "ada", links=BLOG, channel="talk")
    await follow(live, announced, "ada", links=NEWS, to="me")
    for feed in ("blog", "you:1"):
        reply = await live.ask(announced, "ada", "feed template set", feed=feed, template="{url}")
        assert "In force now" in reply.text
    reply = await live.ask(
        announced, "boss", "feed template set", feed="server:1", template="{url}"
    )
    assert "In force now" in reply.text


async def test_no_feed_is_taken_out_of_a_channel_by_moving_it(
    live: LiveBot, announced: Guild
) -> None:
    before = await channels(live)
    reply = await follow(live, announced, "ada", links=NEWS, channel="talk")
    assert reply.text.splitlines()[0] == "1 not moved"
    assert "🔒 News" in reply.text
    assert "stays in #general: ask somebody who manages the server to move it" in reply.text
    assert await channels(live) == before
    removes = await announced.create_role("removes")
    await live.ask(announced, "boss", "feed settings", unsubscribe_role=removes)
    await announced.give_role("ada", removes)
    await live.heard(announced)
    assert "1 moved" in (await follow(live, announced, "ada", links=NEWS, channel="talk")).text


async def test_a_template_does_not_get_where_they_could_not_post_by_moving(
    live: LiveBot, announced: Guild
) -> None:
    await live.ask(announced, "boss", "feed settings", channel="general")
    await follow(live, announced, "ada", links=BLOG, channel="talk")
    await live.ask(announced, "ada", "feed template set", feed="blog", template="**Prize** {url}")
    before = await channels(live)
    assert "not moved" in (await follow(live, announced, "ada", links=BLOG, to="server")).text
    assert await channels(live) == before


async def test_a_locked_thread_and_a_strangers_private_one_are_not_theirs(
    live: LiveBot, announced: Guild
) -> None:
    await follow(live, announced, "boss", links=NEWS, channel="talk")
    known = live.bot.get_guild(announced.id)
    assert known is not None
    thread = known.get_thread(announced.channel("talk").id)
    assert thread is not None

    async def changed() -> bool:
        reply = await live.ask(announced, "ada", "feed template reset", feed="News")
        return "Back to the usual layout" in reply.text

    assert await changed()
    thread.locked = True
    assert not await changed()
    thread.locked, thread._type = False, discord.ChannelType.private_thread
    assert not await changed()

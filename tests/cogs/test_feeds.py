"""/feed as members of a server, and in direct messages, see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import structs

from pwrbot.entities import DeliveryState, FeedDelivery, FeedItem, FeedQueue
from pwrbot.feeds.errors import HostUnreachable
from pwrbot.feeds.filters import Filter, Rule
from pwrbot.feeds.opml import read_opml
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Reply, Sandbox
from tests.fake_feeds import FakeFeeds
from tests.live_bot import NOW, LiveBot, live_bot

MENTION_EVERYONE, SEND, EMBED = 1 << 17, 1 << 11, 1 << 14

NEWS, BLOG = "https://news.example/feed", "https://blog.example/feed"


@pytest.fixture
def feeds() -> FakeFeeds:
    fake = FakeFeeds()
    fake.add(NEWS, "News")
    fake.add(BLOG, "A *blog* @everyone")
    return fake


@pytest.fixture
async def live(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository, feeds: FakeFeeds
) -> AsyncIterator[LiveBot]:
    async with live_bot(sandbox, sqlite_repository, feeds=feeds) as made:
        yield made


async def dm(live: LiveBot, guild: Guild, who: str, command: str, **options: object) -> Reply:
    return await live.sandbox.invoke(None, guild.member(who), command, options=options)


async def follow(live: LiveBot, guild: Guild, who: str, **options: object) -> Reply:
    """``/feed subscribe`` to its end."""
    return await done(await live.ask(guild, who, "feed subscribe", **options))


async def done(reply: Reply) -> Reply:
    return await reply.until(lambda now: now.deleted or not now.text.startswith("Looking at"))


async def channels(live: LiveBot) -> list[int | None]:
    return [each.channel_id for each in await live.repository.feed_subscriptions.select_all()]


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


# Rights


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


# Filters


async def with_items(live: LiveBot, guild: Guild, *titles: str) -> None:
    """News, followed by the server, with these items, the oldest first."""
    await follow(live, guild, "boss", links=NEWS)
    for number, title in enumerate(titles, 1):
        at = NOW + timedelta(minutes=number)
        await live.repository.feed_items.insert(
            FeedItem(1, str(number), title, f"{NEWS}/{number}", at, at, "A summary", None, "Ada")
        )


async def test_a_filter_says_what_it_would_let_through(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "Release 1", "Gossip", "Release 2 rc1")
    reply = await live.ask(
        guild, "boss", "feed filter add", feed="News", rule="contains", text="release"
    )
    assert reply.ephemeral
    assert "1. It must contain release" in reply.text
    assert "2 of 3 would be posted" in reply.text
    assert "✅ Release 1" in reply.text
    assert "🚫 Gossip" in reply.text
    assert "fits none of the rules" in reply.text
    reply = await live.ask(
        guild,
        "boss",
        "feed filter add",
        feed="News",
        rule="not pattern",
        text=r"rc\d+",
        field="title",
    )
    assert r"2. The title must not match the pattern rc\d+" in reply.text
    assert "1 of 3 would be posted" in reply.text
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.item_filter == Filter(
        (Rule("release"), Rule(r"rc\d+", "regex", "title", True))
    )
    reply = await live.ask(guild, "ada", "feed filter show", feed="News")
    assert "1 of 3 would be posted" in reply.text
    reply = await live.ask(guild, "boss", "feed filter remove", feed="News", number=1)
    assert "Rule removed" in reply.text
    assert "2 of 3 would be posted" in reply.text
    await live.ask(guild, "boss", "feed filter remove", feed="News", number=1)
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.item_filter is None


async def test_the_longest_filter_fits(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, *["*" * 300] * 10)
    for number in range(20):
        reply = await live.ask(
            guild,
            "boss",
            "feed filter add",
            feed="News",
            rule="not pattern",
            text="x?" * 90 + str(number),
            field="summary",
        )
    assert "20. The summary must not match" in reply.text
    assert "more not shown" in reply.text
    said = await refused(
        live, guild, "boss", "feed filter add", feed="News", rule="contains", text="one more"
    )
    assert said == "A filter has at most 20 rules: remove some."


async def test_a_filter_can_be_tried(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "One", "Two")
    reply = await live.ask(
        guild, "boss", "feed filter add", feed="News", rule="pattern", text="^o", only_try=True
    )
    assert "A try: nothing was changed" in reply.text
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.item_filter is None


@pytest.mark.parametrize(
    ("rule", "text", "said"),
    [
        ("pattern", "(a", "The pattern cannot be read"),
        ("pattern", "(?=a)", "look-ahead"),
        ("contains", " ", "A rule needs a word"),
        ("contains", "x" * 201, "at most 200 characters"),
    ],
)
async def test_a_bad_rule(live: LiveBot, guild: Guild, rule: str, text: str, said: str) -> None:
    await with_items(live, guild)
    sent = await refused(live, guild, "boss", "feed filter add", feed="News", rule=rule, text=text)
    assert said in sent


async def test_rules_are_offered_by_number(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild)
    await live.ask(guild, "boss", "feed filter add", feed="News", rule="contains", text="a`b")
    [choice] = await live.sandbox.autocomplete(
        guild, "boss", "feed filter remove", "number", "", options={"feed": "server:1"}
    )
    assert choice == {"name": "1. It must contain `a'b`", "value": 1}
    said = await refused(live, guild, "boss", "feed filter remove", feed="News", number=2)
    assert said.startswith("There is no rule of that number")


# Templates and previews


async def test_a_template_shows_what_it_does(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "Old", "**New** @everyone")
    reply = await live.ask(
        guild, "boss", "feed template set", feed="News", template=r"{author}: {title}\n{url}"
    )
    assert reply.ephemeral
    assert "In force now for News" in reply.text
    assert "no items" not in reply.text
    assert "Ada: **New** @\u200beveryone\nhttps://news.example/feed/2" in reply.text
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.template == "{author}: {title}\n{url}"
    reply = await live.ask(guild, "ada", "feed preview", link="server:1")
    assert "Ada: **New**" in reply.text
    reply = await live.ask(
        guild, "ada", "feed template preview", feed="server:1", template="{feed}!"
    )
    assert "News!" in reply.text
    await live.ask(guild, "boss", "feed template reset", feed="News")
    [subscription] = await live.repository.feed_subscriptions.select_all()
    assert subscription.template is None
    said = await refused(live, guild, "boss", "feed template set", feed="News", template="{x}")
    assert said.startswith("There is no {x} to fill in")
    said = await refused(live, guild, "ada", "feed template reset", feed="News")
    assert "Manage Server" in said


async def test_a_preview_follows_nothing(live: LiveBot, guild: Guild, feeds: FakeFeeds) -> None:
    reply = await live.ask(guild, "ada", "feed preview", link=NEWS)
    assert reply.ephemeral
    assert "As it would be posted of News" in reply.text
    assert "News 3" in reply.text
    assert await live.repository.feeds.count() == 0
    feeds.add("https://empty.example/", "Empty", items=0)
    reply = await live.ask(guild, "ada", "feed preview", link="https://empty.example/")
    assert "It shows no items yet." in reply.text
    said = await refused(live, guild, "ada", "feed preview", link="https://nothing.example/")
    assert said.startswith("There is nothing at this address")


# Health


async def test_health(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "One", "Two", "Three")
    await follow(live, guild, "boss", links=BLOG)
    [poll] = [each for each in await live.repository.feed_polls.select_all() if each.feed_id == 1]
    await live.repository.feed_polls.update(
        structs.replace(poll, succeeded_at=NOW, failures=3, error="timeout")
    )
    [subscription, _] = await live.repository.feed_subscriptions.select_all()
    states: list[tuple[str, DeliveryState, str | None]] = [
        ("1", "sent", None),
        ("2", "given_up", "missing_permission"),
        ("3", "pending", None),
    ]
    await live.repository.feed_deliveries.insert_many(
        [
            FeedDelivery(subscription.subscriber_id, 1, item, NOW, state, reason, None, NOW)
            for item, state, reason in states
        ]
    )
    reply = await live.ask(guild, "ada", "feed health")
    assert reply.ephemeral
    assert "❌ News" in reply.text
    assert "3 failures in a row: the host doesn't answer in time. I keep trying." in reply.text
    assert "1 sent" in reply.text
    assert "1 waiting" in reply.text
    assert "1 given up" in reply.text
    assert "Not sent: I may not post there." in reply.text
    assert "✅ A *blog*" in reply.text
    assert "Read: never yet" in reply.text


@pytest.mark.parametrize(
    ("state", "reason", "minutes", "waiting", "shown", "hidden"),
    [
        ("given_up", "missing_permission", -5, None, "✅ News", "I may not post there"),
        ("given_up", "missing_permission", 5, None, "Not sent: I may not post there.", "✅ News"),
        (
            "given_up",
            "missing_permission",
            5,
            "discord_unreachable",
            "Sending is tried again: Discord can't be reached.",
            "I may not post there",
        ),
        ("skipped", "feeds_disabled", 5, None, "1 came while feeds were off", "filtered"),
        ("skipped", "filtered", 5, None, "1 filtered out", "feeds were off"),
    ],
)
async def test_health_does_not_mix_things_up(
    live: LiveBot,
    guild: Guild,
    state: DeliveryState,
    reason: str,
    minutes: int,
    waiting: str | None,
    shown: str,
    hidden: str,
) -> None:
    await with_items(live, guild, "One", "Two")
    [subscription, *_] = await live.repository.feed_subscriptions.select_all()
    key = (subscription.subscriber_id, subscription.feed_id)
    later = NOW + timedelta(minutes=minutes)
    await live.repository.feed_deliveries.insert_many(
        [
            FeedDelivery(*key, "1", NOW, "sent", None, None, NOW),
            FeedDelivery(*key, "2", NOW, state, reason, None, later),
        ]
    )
    await live.repository.feed_queues.insert(FeedQueue(*key, NOW, 1, 1, waiting))
    reply = await live.ask(guild, "ada", "feed health")
    assert shown in reply.text
    assert hidden not in reply.text


# Files


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

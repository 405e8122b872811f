"""/feed filter, template and preview, as members see them."""

from __future__ import annotations

import msgspec
import pytest

from pwrbot.feeds.filters import Filter, Rule
from pwrbot.sandbox import Guild
from tests.cogs.feeds.asking import NEWS, refused, with_items
from tests.fake_feeds import FakeFeeds
from tests.live_bot import LiveBot

# Filters


async def test_a_filter_says_what_it_would_let_through(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "Release 1", "Gossip", "Release 2 rc1")
    reply = await live.ask(
        guild, "boss", "feed filter add", feed="News", rule="contains", text="release"
    )
    assert reply.ephemeral
    assert "1. It must contain release" in reply.text
    assert "Of its last 3 items\n" in reply.text
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


async def test_a_feed_with_one_item_has_one(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "One")
    reply = await live.ask(guild, "ada", "feed filter show", feed="News")
    assert "Of its last item\n" in reply.text


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


async def test_a_picture_that_discord_refuses_is_left_out(live: LiveBot, guild: Guild) -> None:
    await with_items(live, guild, "One")
    [item] = await live.repository.feed_items.select_all()
    picture = "https://news.example/p.png"
    await live.repository.feed_items.update(msgspec.structs.replace(item, image_url=picture))
    commands: list[tuple[str, dict[str, object]]] = [
        ("feed preview", {"link": "server:1"}),
        ("feed template set", {"feed": "News", "template": "{title}!"}),
        ("feed template reset", {"feed": "News"}),
    ]
    for command, options in commands:
        live.sandbox.fail_next("PATCH", "/messages/@original", 400)
        reply = await live.ask(guild, "boss", command, **options)
        assert "One" in reply.text
        assert "p.png" not in str(reply.message)
    reply = await live.ask(guild, "boss", "feed preview", link="server:1")
    assert "p.png" in str(reply.message)

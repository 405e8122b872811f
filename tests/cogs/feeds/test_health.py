"""/feed health, as members see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from pwrbot.entities import DeliveryState, FeedDelivery, FeedQueue
from pwrbot.sandbox import Guild
from tests.cogs.feeds.asking import BLOG, follow, with_items
from tests.live_bot import NOW, LiveBot


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
    assert reply.text.splitlines()[0] == "Health of this server's feeds"
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


async def test_of_ones_own_feeds(live: LiveBot, guild: Guild) -> None:
    await follow(live, guild, "ada", links=BLOG, to="me")
    reply = await live.ask(guild, "ada", "feed health", whose="mine")
    assert reply.text.splitlines()[0] == "Health of your feeds"

"""All that docs/privacy.md says is kept about a user goes, and nothing of anybody else."""

from __future__ import annotations

import asyncio
import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pwrbot.cli import main
from pwrbot.entities import (
    FeedDelivery,
    FeedQueue,
    FeedSubscription,
    MemberPreferences,
    OpenVoiceSession,
    Subscriber,
    VoiceBoard,
    VoiceDeparture,
    VoiceRemoval,
    VoiceRemovedSession,
    VoiceReward,
    VoiceRewardHolder,
    VoiceSession,
)
from pwrbot.repository import Repository, Tables
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import parse_url
from pwrbot.services.forget import forget_user
from tests.repository.rows import feed
from tests.test_privacy import listed

NOON = datetime(2024, 2, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOME, CLUB = 5, 6
ADA, BOB = 77, 7
"""One's number is part of the other's."""

OF_A_SITE = {"feed_items.author", "feeds.source_url"}
"""Whom a site names, and where it is: no user of Discord."""


async def remember(repository: Repository, user: int) -> None:
    """Have something of a user in every place that there is."""
    subscriber = await repository.subscribers.insert(Subscriber("dm", user))
    [followed, *_] = await repository.feeds.select_all()
    key = (subscriber.id, followed.id)
    await repository.feed_subscriptions.insert(FeedSubscription(*key, None, NOON))
    await repository.feed_deliveries.insert(FeedDelivery(*key, "a", NOON, "pending"))
    await repository.feed_queues.insert(FeedQueue(*key, NOON, 1, 0))
    await repository.member_preferences.insert(MemberPreferences(user, True, NOON))
    for guild in (HOME, CLUB):
        rest = (10, NOON + 30 * HOUR)  # over midnight
        await repository.voice_sessions.insert(VoiceSession(guild, user, NOON, *rest))
        await repository.open_voice_sessions.insert(OpenVoiceSession(guild, user, 10, NOON))
        await repository.voice_departures.insert(VoiceDeparture(guild, user, f"N{user}", NOON))
        await repository.voice_reward_holders.insert(VoiceRewardHolder(guild, 1, user, True, NOON))
        # Their own time, asked for by somebody else; and somebody else's, asked for by them.
        for number, asker, whose in ((user, 1, user), (user + 1, user, None)):
            await repository.voice_removals.insert(
                VoiceRemoval(
                    guild, number, asker, NOON, "removed", whose, None, None, NOON, 1, HOUR
                )
            )
            await repository.voice_removed_sessions.insert(
                VoiceRemovedSession(guild, number, user, NOON, 10, NOON + HOUR)
            )
        await repository.voice_boards.insert(
            VoiceBoard(
                guild, user, "live", 0, 0, "today", 10, NOON, 8, f"Top 2024 {user}:9 1:2", None
            )
        )


async def everything(repository: Repository) -> dict[str, list[Any]]:
    return {
        name: await getattr(repository, name).select_all() for name in typing.get_type_hints(Tables)
    }


def places(tables: dict[str, list[Any]], user: int) -> set[str]:
    """Each ``table.column`` that has a user's number or name."""
    return {
        f"{table}.{column}"
        for table, rows in tables.items()
        for row in rows
        for column, value in msgspec.structs.asdict(row).items()
        if f"{table}.{column}" in listed()
        and (value in (user, f"N{user}") or (isinstance(value, str) and f" {user}:" in value))
    }


async def test_nothing_of_a_user_stays(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = await Repository.open(migrated_url)
    await repository.feeds.insert(feed(1))
    await repository.subscribers.insert(Subscriber("guild", ADA))
    for guild in (HOME, CLUB):
        await repository.voice_rewards.insert(
            VoiceReward(guild, 1, "today", HOUR, None, True, False, NOON, None)
        )
    await remember(repository, BOB)
    of_bob = await everything(repository)
    await remember(repository, ADA)
    of_both = await everything(repository)
    assert places(of_both, ADA) == listed() - OF_A_SITE
    assert len(of_both["voice_member_totals"]) == 2 * len(of_bob["voice_member_totals"])

    monkeypatch.setenv("DATABASE_URL", migrated_url)
    async with ProcessLock(parse_url(migrated_url), wait_seconds=0):
        assert await asyncio.to_thread(main, ["forget", "--user", str(ADA)]) == 3
    assert await everything(repository) == of_both, "not beside a bot"
    capsys.readouterr()

    assert await asyncio.to_thread(main, ["forget", "--user", str(ADA)]) == 0
    said = capsys.readouterr().out
    assert "Taken away: 2 of open_voice_sessions, 2 of voice_sessions, 4 of voice_removed" in said
    left = await everything(repository)
    assert places(left, ADA) == {"subscribers.target_id"}
    # What a board shows is looked at anew; a reset that they asked for, nobody did.
    theirs = {
        "voice_boards": [row for row in left["voice_boards"] if row.channel_id == ADA],
        "voice_removals": [row for row in left["voice_removals"] if row.removal_id >= ADA],
        "subscribers": [row for row in left["subscribers"] if row.target_id == ADA],
    }
    assert [row.shown for row in theirs["voice_boards"]] == [None, None]
    assert [row.asked_by for row in theirs["voice_removals"]] == [0, 0]
    assert [row.kind for row in theirs["subscribers"]] == ["guild"], "a server of that number"
    for table, rows in left.items():
        gone = theirs.get(table, [])
        assert [row for row in rows if row not in gone] == [
            row for row in of_bob[table] if row not in gone
        ], table
    assert await asyncio.to_thread(main, ["doctor"]) == 0

    assert await asyncio.to_thread(main, ["forget", "--user", str(ADA)]) == 0
    assert "Nothing is kept about this user." in capsys.readouterr().out
    await repository.close()


async def test_a_feed_that_nobody_else_follows_goes_too(repository: Repository) -> None:
    server = await repository.subscribers.insert(Subscriber("guild", HOME))
    theirs, both = [await repository.feeds.insert(feed(number)) for number in (1, 2)]
    await remember(repository, ADA)
    for follower in (server, await repository.subscribers.ensure(kind="dm", target_id=ADA)):
        await repository.feed_subscriptions.insert(
            FeedSubscription(follower.id, both.id, None, NOON)
        )
    [followed] = await repository.feed_deliveries.select_all()
    assert followed.feed_id == theirs.id
    assert (await forget_user(repository, ADA))["feeds"] == 1
    assert await repository.feeds.select_all() == [both]


async def test_all_of_it_or_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await repository.feeds.insert(feed(1))
    await remember(repository, ADA)
    before = await everything(repository)

    async def broken(self: Any, user_id: int) -> bool:
        raise RuntimeError

    monkeypatch.setattr(type(repository.member_preferences), "delete", broken)
    with pytest.raises(RuntimeError):
        await forget_user(repository, ADA)
    assert await everything(repository) == before

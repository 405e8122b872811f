"""Every version of pwr-bot's database, into both engines: all that there is a place for arrives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pwrbot.entities import (
    Feed,
    FeedItem,
    FeedItemId,
    FeedPoll,
    FeedSettings,
    FeedSubscription,
    OpenVoiceSession,
    ServerSettings,
    Settings,
    Subscriber,
    VoiceSession,
    VoiceSettings,
)
from pwrbot.importing.rules import Rule
from pwrbot.importing.sessions import KIND
from pwrbot.repository import Repository
from tests.conftest import PostgresServer
from tests.importing.bringing import NOW, bring, make, numbers, overlaps, plain, stored
from tools import pwr_bot_database as made

COUNT = 1500
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSIONS = made.ERAS

Source = Callable[[str], str]


@pytest.fixture(scope="module")
def source(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    """The place of a generated database of a version."""
    places: dict[str, str] = {}

    def place(version: str) -> str:
        if version not in places:
            if version == "postgres":
                places[version] = postgres_server.create()
                made.make_postgres(places[version], COUNT)
            else:
                path = tmp_path_factory.mktemp("pwr_bot") / "data.db"
                made.make_sqlite(path, version, COUNT)
                places[version] = str(path)
        return places[version]

    yield place
    if "postgres" in places:
        postgres_server.drop(places["postgres"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_of_it_arrives_once(version: str, source: Source, migrated_url: str) -> None:
    report = await bring(source(version), migrated_url)
    rows = await stored(migrated_url)
    number = int(version) if version.isdigit() else 8

    assert numbers(report, "feeds") == (made.FEEDS, made.FEEDS, 0, 0)
    feeds = {one.id: one for one in rows["feeds"] if isinstance(one, Feed)}
    assert {(one.platform_id, one.source_id, one.items_id) for one in feeds.values()} == {
        ("mangadex", uuid, uuid) if n % 2 else ("anilist", str(n), str(n))
        for n in range(1, made.FEEDS + 1)
        for uuid in [f"00000000-0000-4000-8000-{n:012}"]
    }
    sample = next(one for one in feeds.values() if one.name == "Feed 2")
    assert sample.source_url == "https://anilist.co/anime/2"
    assert (sample.description, sample.tags) == ("About 2", ("series",))
    assert sample.cover_url == "https://example.org/2.jpg"

    items = [one for one in rows["feed_items"] if isinstance(one, FeedItem)]
    assert len(items) == made.FEEDS * made.ITEMS
    assert {(feeds[one.feed_id].name, one.title, one.published_at) for one in items} == {
        (f"Feed {n}", str(i), made.BEGAN + timedelta(days=i, minutes=n))
        for n in range(1, made.FEEDS + 1)
        for i in range(made.ITEMS)
    }

    subscribers = {one.id: one for one in rows["subscribers"] if isinstance(one, Subscriber)}
    assert {(one.kind, one.target_id) for one in subscribers.values()} == {
        *(("guild", made.snowflake(n, 2)) for n in range(made.SERVERS)),
        *(("dm", made.snowflake(n, 1)) for n in range(30)),
    }
    follows = [one for one in rows["feed_subscriptions"] if isinstance(one, FeedSubscription)]
    assert len(follows) == 504
    for one in follows:
        told = subscribers[one.subscriber_id]
        n = next(
            n for n in range(30) if told.target_id in (made.snowflake(n, 1), made.snowflake(n, 2))
        )
        # Migration 1 knew no settings; later the channel is one of those, which come along.
        kept = told.kind == "guild" and number == 1
        assert one.channel_id == (made.snowflake(n * 50, 3) if kept else None)

    assert {
        (one.feed_id, one.item_id) for one in rows["feed_item_ids"] if isinstance(one, FeedItemId)
    } == {(one.feed_id, one.item_id) for one in items}
    polls = [one for one in rows["feed_polls"] if isinstance(one, FeedPoll)]
    assert {one.feed_id for one in polls} == {one.feed_id for one in follows}
    assert {(one.next_poll_at, one.succeeded_at) for one in polls} == {(NOW, None)}

    settings = [one for one in rows["server_settings"] if isinstance(one, ServerSettings)]
    assert {(one.guild_id, one.settings) for one in settings} == {
        (made.snowflake(n, 2), _settings(n)) for n in range(made.SERVERS) if number >= 2
    }

    heartbeat = made.HEARTBEAT if number >= 7 else None
    expected: set[VoiceSession] = set()
    if number >= 4:
        expected = plain(_as_kept(number), heartbeat)
        assert report.tally(KIND).read == COUNT
    sessions = {one for one in rows["voice_sessions"] if isinstance(one, VoiceSession)}
    assert sessions == expected
    assert overlaps(sessions) == []
    assert report.session_rows == len(sessions)

    again = await bring(source(version), migrated_url)
    for kind in (
        "server settings",
        "feeds",
        "feed items",
        "subscribers",
        "feed subscriptions",
        KIND,
    ):
        read, added, there, left_out = numbers(again, kind)
        assert (read, added, left_out) == (report.tally(kind).read, 0, report.tally(kind).left_out)
        assert there == read - left_out
    assert await stored(migrated_url) == rows


def _settings(server: int) -> Settings:
    return Settings(
        voice=VoiceSettings(enabled=server % 3 != 1),
        feeds=FeedSettings(
            channel_id=made.snowflake(server * 50, 3),
            subscribe_role_id=None if server % 3 else made.snowflake(server, 4),
        ),
    )


def _as_kept(number: int) -> list[made.Session]:
    """The sessions as that version kept them: before 8, running was to leave when one joined."""
    generated = list(made.sessions(COUNT))
    if number >= 8:
        return generated
    return [one._replace(active=one.leave == one.join) for one in generated]


@pytest.mark.parametrize(
    "rule",
    [
        Rule.BAD_ID,
        Rule.BEFORE_DISCORD,
        Rule.IN_FUTURE,
        Rule.NEGATIVE,
        Rule.EMPTY,
        Rule.OVERLONG,
        Rule.ENDED_BY_HEARTBEAT,
        Rule.ENDED_BY_NEXT,
    ],
)
async def test_the_generated_sessions_have_every_oddity(
    rule: Rule, source: Source, migrated_sqlite_url: str
) -> None:
    report = await bring(source("8"), migrated_sqlite_url, dry=True)
    assert report.count(rule) > 0
    assert str(rule) in str(report)


async def test_what_is_there_stands(tmp_path: Path, migrated_url: str) -> None:
    guild, user, channel = made.snowflake(1, 2), made.snowflake(1, 1), made.snowflake(1, 3)
    start = NOW - timedelta(days=10)
    hour = timedelta(hours=1)
    mine = Settings(timezone="Asia/Tokyo")
    repository = await Repository.open(migrated_url)
    await repository.server_settings.save(guild_id=guild, settings=mine, version=0, now=start)
    feed = await repository.feeds.insert(
        Feed(
            platform_id="mangadex",
            source_id="x",
            items_id="x",
            name="Mine",
            description="",
            source_url="https://mangadex.org/title/x",
            cover_url=None,
            tags=(),
            created_at=start,
        )
    )
    subscriber = await repository.subscribers.ensure(kind="guild", target_id=guild)
    await repository.feed_subscriptions.insert(FeedSubscription(subscriber.id, feed.id, 5, start))
    there = [
        VoiceSession(guild, user, start + 2 * hour, 7, start + 3 * hour),
        VoiceSession(guild, user, start + 9 * hour, 7, start + 9 * hour),
    ]
    await repository.voice_sessions.insert_many(there)
    running = OpenVoiceSession(guild, user, 7, start + 20 * hour)
    await repository.open_voice_sessions.insert(running)
    await repository.close()

    def session(number: int, begin: int, end: int) -> tuple[object, ...]:
        times = made.rfc3339(start + begin * hour), made.rfc3339(start + end * hour)
        return number, user, guild, channel, *times, 0

    source = make(
        tmp_path / "source.db",
        8,
        {
            "feeds": [
                (
                    4,
                    "Theirs",
                    None,
                    "MangaDex",
                    "x",
                    "x",
                    "https://mangadex.org/title/x",
                    None,
                    None,
                )
            ],
            "feed_items": [(1, 4, "1", made.rfc3339(start))],
            "subscribers": [(3, "guild", str(guild))],
            "feed_subscriptions": [(1, 4, 3)],
            "server_settings": [(guild, '{"voice": {"enabled": false}}')],
            "voice_sessions": [
                session(1, 1, 4),  # around one that is there
                session(2, 9, 10),  # where an empty one stands
                session(3, 19, 22),  # into one that runs
                session(4, 23, 24),  # within it
            ],
        },
    )
    report = await bring(source, migrated_url)
    rows = await stored(migrated_url)

    (kept,) = [one for one in rows["server_settings"] if isinstance(one, ServerSettings)]
    assert kept.settings == mine
    assert rows["feeds"] == [feed]
    assert rows["feed_subscriptions"] == [FeedSubscription(subscriber.id, feed.id, 5, start)]
    assert [one.feed_id for one in rows["feed_items"] if isinstance(one, FeedItem)] == [feed.id]
    assert rows["open_voice_sessions"] == [running]
    instant = timedelta.resolution
    assert rows["voice_sessions"] == [
        VoiceSession(guild, user, start + 1 * hour, channel, start + 2 * hour),
        there[0],
        VoiceSession(guild, user, start + 3 * hour, channel, start + 4 * hour),
        there[1],
        VoiceSession(guild, user, start + 9 * hour + instant, channel, start + 10 * hour),
        VoiceSession(guild, user, start + 19 * hour, channel, start + 20 * hour),
    ]
    assert numbers(report, KIND) == (4, 3, 1, 0)
    assert report.count(Rule.MADE_ROOM) == 3
    assert numbers(await bring(source, migrated_url), KIND) == (4, 0, 4, 0)


async def test_time_is_counted_once_whatever_is_there(tmp_path: Path, migrated_url: str) -> None:
    """Many members, each with sessions of theirs at random, and with some of ours."""
    hour, start, channels = timedelta(hours=1), NOON, (1, 2)
    chance = random.Random(4)
    theirs: list[made.Session] = []
    ours: list[VoiceSession] = []
    for member in range(1, 201):
        joins = chance.sample(range(30), chance.randrange(8))
        for join, channel in ((join, chance.choice(channels)) for join in joins):
            leave = start + (join + chance.randrange(-1, 9)) * hour
            running = chance.random() < 0.1
            theirs.append(
                made.Session(member, member % 7 + 1, channel, start + join * hour, leave, running)
            )
        at = 0
        for _ in range(chance.randrange(4)):
            at += chance.randrange(8)
            end = at + chance.randrange(6)
            ours.append(
                VoiceSession(member % 7 + 1, member, start + at * hour, 9, start + end * hour)
            )
            at = end + (end == at)
    repository = await Repository.open(migrated_url)
    await repository.voice_sessions.insert_many(ours)
    await repository.close()
    heartbeat = start + 35 * hour
    rows = [
        (n, one.user_id, *one[1:3], *map(made.rfc3339, (one.join, one.leave)), one.active)
        for n, one in enumerate(theirs)
    ]
    beat = [("voice_heartbeat", made.rfc3339(heartbeat))]
    source = make(tmp_path / "source.db", 8, {"voice_sessions": rows, "bot_meta": beat})

    report = await bring(source, migrated_url)
    stored_rows = (await stored(migrated_url))["voice_sessions"]
    sessions = [one for one in stored_rows if isinstance(one, VoiceSession)]

    assert overlaps(sessions) == []
    assert set(ours) <= set(sessions)
    middles = [start + hour * step + hour / 2 for step in range(-2, 50)]

    def covered(found: Iterable[VoiceSession]) -> Counter[tuple[int, datetime]]:
        return Counter(
            (one.user_id, middle)
            for one in found
            for middle in middles
            if one.joined_at <= middle < one.left_at
        )

    assert covered(sessions) == covered(ours) | covered(plain(theirs, heartbeat))
    added = {one for one in sessions if one not in set(ours)}
    assert report.time == sum((one.left_at - one.joined_at for one in added), timedelta())
    assert numbers(await bring(source, migrated_url), KIND)[1] == 0
    assert (await stored(migrated_url))["voice_sessions"] == stored_rows


async def test_odd_feeds(tmp_path: Path, migrated_url: str) -> None:
    guild = made.snowflake(1, 2)
    source = make(
        tmp_path / "source.db",
        1,
        {
            "feeds": [
                (1, "One", None, "https://mangadex.org/title/abc/one?tab=art", None, None),
                (2, "Same", "", "https://mangadex.org/title/abc", "", "a, b,,"),
                (3, "Elsewhere", "", "https://example.org/feed", "", ""),
            ],
            "feed_items": [
                (1, 1, "1", "2026-01-01T00:00:00+00:00"),
                (2, 2, "1", "2026-01-01 00:00:00"),
                (3, 2, "2", "2026-01-02 00:00:00"),
                (4, 2, "3", "tomorrow"),
                (5, 3, "4", "2026-01-02 00:00:00"),
                (6, 99, "5", "2026-01-02 00:00:00"),
            ],
            "subscribers": [
                (1, "guild", f"{guild}:11"),
                (2, "guild", f"{guild}:12"),
                (3, "dm", "7"),
                (4, "dm", "x"),
                (5, "fax", "7"),
            ],
            "feed_subscriptions": [
                (1, 1, 1),
                (2, 1, 2),
                (3, 2, 3),
                (4, 3, 3),
                (5, 1, 4),
                (6, 1, 99),
            ],
        },
    )
    dry = await bring(source, migrated_url, dry=True)
    report = await bring(source, migrated_url)
    rows = await stored(migrated_url)

    (feed,) = [one for one in rows["feeds"] if isinstance(one, Feed)]
    assert (feed.source_id, feed.name, feed.cover_url, feed.tags) == ("abc", "One", None, ())
    items = [one for one in rows["feed_items"] if isinstance(one, FeedItem)]
    assert [(one.item_id, one.title) for one in items] == [
        ("pwr-bot:2026-01-01T00:00:00+00:00", "1"),
        ("pwr-bot:2026-01-02T00:00:00+00:00", "2"),
    ]
    follows = [one for one in rows["feed_subscriptions"] if isinstance(one, FeedSubscription)]
    assert sorted((one.channel_id or 0) for one in follows) == [0, 11]
    for told in (dry, report):
        assert numbers(told, "feeds") == (3, 1, 1, 1)
        assert numbers(told, "feed items") == (6, 2, 1, 3)
        assert numbers(told, "subscribers") == (5, 2, 1, 2)
        assert numbers(told, "feed subscriptions") == (6, 2, 0, 4)
        assert told.count(Rule.SAME_FEED) == told.count(Rule.UNKNOWN_PLATFORM) == 1
        assert told.count(Rule.ITEM_BAD_TIME) == 1
        assert told.count(Rule.ITEM_WITHOUT_FEED) == 2
        assert told.count(Rule.HALF_SUBSCRIPTION) == 3
        assert told.count(Rule.SAME_SUBSCRIPTION) == 1


async def test_the_same_feed_of_two_versions_is_one(tmp_path: Path, migrated_url: str) -> None:
    """Migration 3 took all that follows in an address for the id."""
    url = "https://mangadex.org/title/abc/one?tab=art"
    old = make(tmp_path / "1.db", 1, {"feeds": [(1, "One", None, url, None, None)]})
    row = (1, "One", None, "MangaDex", "abc/one?tab=art", "abc/one?tab=art", url, None, None)
    new = make(tmp_path / "3.db", 3, {"feeds": [row]})
    assert numbers(await bring(new, migrated_url), "feeds") == (1, 1, 0, 0)
    assert numbers(await bring(old, migrated_url), "feeds") == (1, 0, 1, 0)
    (feed,) = [one for one in (await stored(migrated_url))["feeds"] if isinstance(one, Feed)]
    assert (feed.source_id, feed.items_id, feed.source_url) == ("abc", "abc", url)


async def test_values_that_no_column_would_take_today(tmp_path: Path, migrated_url: str) -> None:
    guild, user = made.snowflake(1, 2), made.snowflake(1, 1)
    source = make(
        tmp_path / "source.db",
        8,
        {
            "server_settings": [(-5, "{}"), (guild, "{"), (guild + 1, b"\xff")],
            "bot_meta": [("voice_heartbeat", "never")],
            "voice_sessions": [
                (1, user, guild, 3, "2026-01-01T00:00:00Z", 1767229200, 0),
                (2, "someone", guild, 3, "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", 0),
                (3, user, guild, 3.5, "2026-01-01T04:00:00Z", "2026-01-01T05:00:00Z", 0),
                (4, user, guild, 3, b"\x00", "2026-01-01T05:00:00Z", 0),
                (5, user, guild, 3, "2026-01-01T06:00:00Z", "2026-01-01T06:00:00Z", 1),
            ],
        },
    )
    report = await bring(source, migrated_url)
    assert numbers(report, "server settings") == (3, 0, 0, 3)
    assert numbers(report, KIND) == (5, 1, 0, 4)
    assert report.count(Rule.SMALL_ID) == 1
    assert report.count(Rule.NEVER_ENDED) == 1

"""One set of rows, and for every statement arguments that make it find some of them.

A query without a line here fails ``test_smoke.py`` by its name: add one that reads or changes rows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pwrbot.entities import (
    BotMeta,
    Entity,
    Feed,
    FeedItem,
    FeedSubscription,
    MemberPreferences,
    OpenVoiceSession,
    ServerSettings,
    Settings,
    Subscriber,
    VoiceChannelTotal,
    VoiceHour,
    VoiceMemberTotal,
    VoiceSegment,
    VoiceSession,
    VoiceSettings,
)

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
GUILD, OTHER_GUILD = 2**63 - 1, 7
ALTERED = 5
"""A guild whose roll-ups somebody wrote into."""


def _feed(number: int, cover: str | None) -> Feed:
    return Feed(
        platform_id="anilist",
        source_id=str(number),
        items_id=f"i{number}",
        name="Same name" if number < 3 else "Żółw 😀",
        description="",
        source_url=f"https://example.com/{number}",
        cover_url=cover,
        tags=("a", "b'"),
        created_at=NOON,
    )


SEED: dict[str, list[Entity]] = {
    # In an order that foreign keys allow; generated keys count from 1.
    "feeds": [_feed(1, None), _feed(2, "https://example.com/cover"), _feed(3, None)],
    "subscribers": [Subscriber("dm", 1), Subscriber("guild", GUILD)],
    "feed_items": [
        FeedItem(1, "b", "Second", None, NOON, NOON),
        FeedItem(1, "a", "First", "https://example.com/a", NOON, NOON + HOUR),
        FeedItem(2, "", "😀", None, NOON - HOUR, NOON),
    ],
    "feed_subscriptions": [
        FeedSubscription(1, 1, None, NOON),
        FeedSubscription(1, 2, None, NOON),
        FeedSubscription(1, 3, None, NOON),
        FeedSubscription(2, 1, 5, NOON),
    ],
    "open_voice_sessions": [
        OpenVoiceSession(GUILD, 1, 10, NOON),
        OpenVoiceSession(GUILD, 2, 10, NOON + HOUR),
        OpenVoiceSession(OTHER_GUILD, 1, 20, NOON),
    ],
    "voice_sessions": [
        VoiceSession(GUILD, 1, NOON - 3 * HOUR, 10, NOON - HOUR),
        VoiceSession(GUILD, 2, NOON - 2 * HOUR, 10, NOON - timedelta(microseconds=1)),
        VoiceSession(GUILD, 3, NOON - 2 * HOUR, 11, NOON),
        VoiceSession(OTHER_GUILD, 2, NOON - 2 * HOUR, 20, NOON),
    ],
    "voice_segments": [VoiceSegment(ALTERED, 20240229, 20, NOON, 9, NOON + HOUR)],
    "voice_member_totals": [VoiceMemberTotal(ALTERED, 20240229, 8, HOUR)],
    "voice_channel_totals": [VoiceChannelTotal(ALTERED, 2024, 21, HOUR)],
    "voice_hours": [VoiceHour(ALTERED, 2024022905, HOUR / 4, HOUR / 4, HOUR / 4, 2 * HOUR)],
    "server_settings": [
        ServerSettings(GUILD, Settings("Europe/Berlin"), 1, NOON),
        ServerSettings(
            OTHER_GUILD, Settings(voice=VoiceSettings(ignored_roles=(1, 2**63 - 1))), 7, NOON
        ),
    ],
    "member_preferences": [
        MemberPreferences(1, True, NOON),
        MemberPreferences(2**63 - 1, False, NOON),
    ],
    "bot_meta": [BotMeta("", ""), BotMeta("heartbeat", "now")],
}

CHANGED: dict[str, Entity] = {
    "feeds": Feed("p", "s", "i", "n", "d", "https://example.com/new", None, (), NOON, 2),
    "subscribers": Subscriber("guild", 77, 1),
    "feed_items": FeedItem(1, "a", "Changed", None, NOON, NOON),
    "feed_subscriptions": FeedSubscription(2, 1, 6, NOON),
    "open_voice_sessions": OpenVoiceSession(GUILD, 1, 11, NOON + HOUR),
    "voice_sessions": VoiceSession(GUILD, 1, NOON - 3 * HOUR, 12, NOON),
    "voice_segments": VoiceSegment(ALTERED, 20240229, 20, NOON, 9, NOON + HOUR / 2),
    "voice_member_totals": VoiceMemberTotal(ALTERED, 20240229, 8, HOUR / 2),
    "voice_channel_totals": VoiceChannelTotal(ALTERED, 2024, 21, HOUR / 2),
    "voice_hours": VoiceHour(ALTERED, 2024022905, HOUR, HOUR, HOUR, HOUR),
    "server_settings": ServerSettings(GUILD, Settings(), 9, NOON),
    "member_preferences": MemberPreferences(1, False, NOON + HOUR),
    "bot_meta": BotMeta("heartbeat", "later"),
}
"""For each table a row with the key of one that is there."""

ADDED: dict[str, Entity] = {
    "feeds": _feed(4, None),
    "subscribers": Subscriber("dm", 2),
    "feed_items": FeedItem(3, "x", "New", None, NOON, NOON),
    "feed_subscriptions": FeedSubscription(2, 2, None, NOON),
    "open_voice_sessions": OpenVoiceSession(OTHER_GUILD, 9, 20, NOON),
    "voice_sessions": VoiceSession(OTHER_GUILD, 9, NOON, 20, NOON + HOUR),
    "voice_segments": VoiceSegment(ALTERED, 20240229, 22, NOON, 7, NOON + HOUR),
    "voice_member_totals": VoiceMemberTotal(ALTERED, 2023, 8, HOUR),
    "voice_channel_totals": VoiceChannelTotal(ALTERED, 2023, 21, HOUR),
    "voice_hours": VoiceHour(ALTERED, 2023022905, HOUR / 4, HOUR / 4, HOUR / 4, HOUR / 4),
    "server_settings": ServerSettings(8, Settings(), 1, NOON),
    "member_preferences": MemberPreferences(3, True, NOON),
    "bot_meta": BotMeta("new", "😀"),
}
"""For each table a row whose key is free."""

_RANGE: dict[str, Any] = {
    "guild_id": GUILD,
    "since": NOON - 2 * HOUR - timedelta(minutes=30),
    "until": NOON + 2 * HOUR,
    "now": NOON + HOUR + timedelta(minutes=1),
}
_COVER: dict[str, Any] = {
    "added": [2024],
    "taken": [202402],
    "first_year": 2024,
    "last_year": 2024,
    "edges": [20240229],
}
_PAGE: dict[str, Any] = {"limit": 10, "offset": 0}
_SHARDS: dict[str, Any] = {
    "shard_count": 2,
    "shard_ids": [0],
    "former_count": 3,
    "former_ids": [0, 2],
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "feed_items.latest": {"feed_id": 1},
    "feed_items.page": {"feed_id": 1, **_PAGE},
    "feed_subscriptions.count_of": {"subscriber_id": 1},
    "feed_subscriptions.page_with_latest": {"subscriber_id": 1, **_PAGE},
    "feed_subscriptions.subscribers_of": {"feed_id": 1},
    "feeds.by_source": {"platform_id": "anilist", "source_id": "2"},
    "open_voice_sessions.in_guild": {"guild_id": GUILD},
    "open_voice_sessions.open": {
        "guild_ids": [GUILD, GUILD, OTHER_GUILD],
        "user_ids": [1, 3, 2],
        "channel_ids": [10, 10, 20],
        "joined_ats": [NOON, NOON - HOUR, NOON + HOUR],
    },
    "open_voice_sessions.remove": {"guild_ids": [GUILD, OTHER_GUILD], "user_ids": [2, 2]},
    "open_voice_sessions.remove_all": _SHARDS,
    "server_settings.save": {
        "guild_id": GUILD,
        "settings": Settings("Asia/Tokyo"),
        "version": 1,
        "now": NOON + HOUR,
    },
    "subscribers.by_target": {"kind": "guild", "target_id": GUILD},
    "subscribers.ensure": {"kind": "dm", "target_id": 1},
    "voice_sessions.end": {
        "guild_ids": [GUILD, GUILD, OTHER_GUILD],
        "user_ids": [1, 2, 1],
        "left_ats": [NOON + HOUR, NOON + HOUR, NOON + 2 * HOUR],
        "longest": 24 * HOUR,
    },
    "voice_sessions.end_all": {**_SHARDS, "left_at": NOON + HOUR, "longest": 24 * HOUR},
    "voice_channel_totals.clear": {"guild_id": GUILD},
    "voice_channel_totals.wrong": {"guild_id": ALTERED},
    "voice_hours.between": {
        "guild_id": GUILD,
        "first_hour": 2024022909,
        "last_hour": 2024022910,
    },
    "voice_hours.clear": {"guild_id": GUILD},
    "voice_hours.wrong": {"guild_id": ALTERED},
    "voice_member_totals.clear": {"guild_id": GUILD},
    "voice_member_totals.wrong": {"guild_id": ALTERED},
    "voice_segments.clear": {"guild_id": GUILD},
    "voice_segments.guilds": {},
    "voice_segments.rebuild": {"guild_id": ALTERED},
    "voice_segments.together": {
        "guild_id": GUILD,
        "days": [20240229],
        "since": NOON - 2 * HOUR,
        "until": NOON,
    },
    "voice_segments.wrong": {"guild_id": ALTERED},
    "voice_sessions.channels": {**_RANGE, **_COVER, "least": HOUR / 4, **_PAGE},
    "voice_sessions.leaderboard": {
        **_RANGE,
        **_COVER,
        "least": HOUR / 4,
        "viewer_id": 3,
        **_PAGE,
    },
    "voice_sessions.partners": {**_RANGE, "user_id": 1, **_PAGE},
    "voice_sessions.spans": {**_RANGE, "user_id": 1},
}
"""The arguments of each hand-written query, whichever way it is ordered."""

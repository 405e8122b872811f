"""One set of rows, and for every statement arguments that make it find some of them.

A query without a line here fails ``test_smoke.py`` by its name: add one that reads or changes rows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pwrbot.entities import (
    BotMeta,
    Entity,
    Feed,
    FeedAbsence,
    FeedDelivery,
    FeedItem,
    FeedItemId,
    FeedPoll,
    FeedQueue,
    FeedSubscription,
    MemberPreferences,
    OpenVoiceSession,
    PollOutcome,
    ServerSettings,
    Settings,
    Subscriber,
    VoiceBoard,
    VoiceChannelTotal,
    VoiceDeparture,
    VoiceHour,
    VoiceMemberTotal,
    VoiceRemoval,
    VoiceRemovedSession,
    VoiceReward,
    VoiceRewardHolder,
    VoiceSegment,
    VoiceSession,
    VoiceSettings,
)
from pwrbot.feeds.filters import Filter, Rule

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
    "feeds": [
        *(_feed(1, None), _feed(2, "https://example.com/cover"), _feed(3, None)),
        _feed(5, None),  # nobody follows it
    ],
    "subscribers": [
        *(Subscriber("dm", 1), Subscriber("guild", GUILD)),
        Subscriber("guild", OTHER_GUILD),  # it removed the bot
    ],
    "feed_absences": [FeedAbsence(3, NOON)],
    "feed_items": [
        FeedItem(1, "b", "Second", None, NOON, NOON),
        FeedItem(1, "a", "First", "https://example.com/a", NOON, NOON + HOUR),
        FeedItem(1, "z", "Oldest", None, NOON - HOUR, NOON - HOUR),
        FeedItem(2, "", "😀", None, NOON - HOUR, NOON),
    ],
    "feed_subscriptions": [
        FeedSubscription(1, 1, None, NOON),
        FeedSubscription(1, 2, None, NOON),
        FeedSubscription(1, 3, None, NOON),
        FeedSubscription(2, 1, 5, NOON, 9, Filter((Rule("a|b", "regex"),)), "{title}"),
        FeedSubscription(3, 1, 5, NOON),
    ],
    "feed_item_ids": [FeedItemId(1, "a"), FeedItemId(1, "b"), FeedItemId(2, "")],
    "feed_polls": [
        FeedPoll(1, NOON, 600, '"tag"', None, None, None, NOON - HOUR, NOON - HOUR),
        FeedPoll(2, NOON + HOUR, 3600, claimed_by="me"),
    ],
    "feed_deliveries": [
        FeedDelivery(1, 1, "a", NOON + HOUR, "pending"),
        FeedDelivery(1, 1, "b", NOON, "given_up", "closed_dm", None, NOON),
        FeedDelivery(2, 1, "a", NOON + HOUR, "sent", None, 2**63 - 1, NOON + HOUR),
    ],
    "feed_queues": [
        FeedQueue(1, 1, NOON, 2, 1, "discord_down"),
        FeedQueue(2, 1, NOON + HOUR, 1, 0, None, "me"),
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
    "voice_channel_totals": [VoiceChannelTotal(ALTERED, 202402, 21, HOUR)],
    "voice_hours": [VoiceHour(ALTERED, 2024022905, HOUR / 4, HOUR / 4, HOUR / 4, 2 * HOUR)],
    "voice_rewards": [
        VoiceReward(GUILD, 30, "all_time", HOUR, None, True, False, NOON, None),
        VoiceReward(GUILD, 31, "today", None, 3, False, False, NOON, "No."),
        VoiceReward(GUILD, 33, "today", HOUR, None, True, True, NOON + HOUR, None),
    ],
    "voice_reward_holders": [
        VoiceRewardHolder(GUILD, 30, 1, True, NOON),
        VoiceRewardHolder(GUILD, 30, 2, False, NOON),
    ],
    "voice_boards": [
        VoiceBoard(GUILD, 40, "live", 0, 0, "today", 10, NOON, 5, "x 1:5", None),
        VoiceBoard(GUILD, 40, "week", 9, 6, "today", 10, NOON, None, None, "No."),
    ],
    "voice_removals": [
        VoiceRemoval(GUILD, 50, 1, NOON, "removed", 1, 10, NOON - HOUR, NOON, 2, HOUR),
        VoiceRemoval(GUILD, 51, 1, NOON - HOUR, "removing", None, None, None, NOON, 0, 0 * HOUR),
    ],
    "voice_removed_sessions": [
        VoiceRemovedSession(GUILD, 50, 1, NOON - HOUR, 10, NOON),
        VoiceRemovedSession(GUILD, 50, 2, NOON - HOUR, 10, NOON),
    ],
    "voice_departures": [
        VoiceDeparture(GUILD, 1, "Ada", NOON),
        VoiceDeparture(GUILD, 2, None, NOON),
    ],
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
    "feed_absences": FeedAbsence(3, NOON + HOUR),
    "feed_items": FeedItem(1, "a", "Changed", None, NOON, NOON),
    "feed_subscriptions": FeedSubscription(2, 1, 6, NOON),
    "feed_item_ids": FeedItemId(1, "a"),
    "feed_polls": FeedPoll(1, NOON + HOUR, 300, failures=3, error="not_found"),
    "feed_deliveries": FeedDelivery(1, 1, "a", NOON, "skipped", "filtered", None, NOON),
    "feed_queues": FeedQueue(1, 1, None, 3, 0),
    "open_voice_sessions": OpenVoiceSession(GUILD, 1, 11, NOON + HOUR),
    "voice_sessions": VoiceSession(GUILD, 1, NOON - 3 * HOUR, 12, NOON),
    "voice_segments": VoiceSegment(ALTERED, 20240229, 20, NOON, 9, NOON + HOUR / 2),
    "voice_member_totals": VoiceMemberTotal(ALTERED, 20240229, 8, HOUR / 2),
    "voice_channel_totals": VoiceChannelTotal(ALTERED, 202402, 21, HOUR / 2),
    "voice_hours": VoiceHour(ALTERED, 2024022905, HOUR, HOUR, HOUR, HOUR),
    "voice_rewards": VoiceReward(GUILD, 30, "today", HOUR, None, False, True, NOON, "No."),
    "voice_reward_holders": VoiceRewardHolder(GUILD, 30, 1, False, NOON),
    "voice_boards": VoiceBoard(GUILD, 40, "live", 1, 1, "today", 10, NOON, None, None, None),
    "voice_removals": VoiceRemoval(GUILD, 50, 1, NOON, "restored", 1, 10, None, NOON, 2, HOUR),
    "voice_removed_sessions": VoiceRemovedSession(GUILD, 50, 1, NOON - HOUR, 11, NOON),
    "voice_departures": VoiceDeparture(GUILD, 1, None, NOON),
    "server_settings": ServerSettings(GUILD, Settings(), 9, NOON),
    "member_preferences": MemberPreferences(1, False, NOON + HOUR),
    "bot_meta": BotMeta("heartbeat", "later"),
}
"""For each table a row with the key of one that is there."""

ADDED: dict[str, Entity] = {
    "feeds": _feed(4, None),
    "subscribers": Subscriber("dm", 2),
    "feed_absences": FeedAbsence(2, NOON),
    "feed_items": FeedItem(3, "x", "New", None, NOON, NOON),
    "feed_subscriptions": FeedSubscription(2, 2, None, NOON),
    "feed_item_ids": FeedItemId(3, "x"),
    "feed_polls": FeedPoll(3, NOON, 600),
    "feed_deliveries": FeedDelivery(1, 2, "", NOON, "pending"),
    "feed_queues": FeedQueue(1, 2, None, 1, 0),
    "open_voice_sessions": OpenVoiceSession(OTHER_GUILD, 9, 20, NOON),
    "voice_sessions": VoiceSession(OTHER_GUILD, 9, NOON, 20, NOON + HOUR),
    "voice_segments": VoiceSegment(ALTERED, 20240229, 22, NOON, 7, NOON + HOUR),
    "voice_member_totals": VoiceMemberTotal(ALTERED, 2023, 8, HOUR),
    "voice_channel_totals": VoiceChannelTotal(ALTERED, 202302, 21, HOUR),
    "voice_hours": VoiceHour(ALTERED, 2023022905, HOUR / 4, HOUR / 4, HOUR / 4, HOUR / 4),
    "voice_rewards": VoiceReward(GUILD, 32, "today", None, 1, True, False, NOON, None),
    "voice_reward_holders": VoiceRewardHolder(GUILD, 30, 3, True, NOON),
    "voice_boards": VoiceBoard(GUILD, 41, "day", 1, 1, "today", 10, NOON, None, None, None),
    "voice_removals": VoiceRemoval(GUILD, 52, 1, NOON, "removed", None, None, None, NOON, 2, HOUR),
    "voice_removed_sessions": VoiceRemovedSession(GUILD, 50, 3, NOON, 11, NOON),
    "voice_departures": VoiceDeparture(GUILD, 3, None, NOON),
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
_MONTHS: dict[str, Any] = {
    "first_month": 202401,
    "last_month": 202402,
    "days": [20240301],
    "edges": [20240229],
}
_PAGE: dict[str, Any] = {"limit": 10, "offset": 0}
_ONE_SHARD: dict[str, Any] = {"shard_count": 1, "shard_ids": [0]}
_BOARD: dict[str, Any] = {"guild_id": GUILD, "channel_id": 40, "kind": "live"}
_REWARD: dict[str, Any] = {"guild_id": GUILD, "role_id": 30}
_REMOVAL: dict[str, Any] = {"guild_id": GUILD, "removal_id": 50}
_RESET: dict[str, Any] = {"channel_id": None, "since": NOON - 3 * HOUR, "until": NOON}
_SHARDS: dict[str, Any] = {
    "shard_count": 2,
    "shard_ids": [0],
    "former_count": 3,
    "former_ids": [0, 2],
}

_CLAIM: dict[str, Any] = {
    "claimed_by": "me",
    "now": NOON + timedelta(minutes=1),
    "until": NOON + 2 * HOUR,
}
_QUEUE: dict[str, Any] = {"subscriber_id": 2, "feed_id": 1, "claimed_by": "me"}
_SETTLED: dict[str, Any] = {
    "subscriber_id": 1,
    "feed_id": 1,
    "state": "sent",
    "reason": None,
    "message_id": 5,
    "now": NOON + HOUR,
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "feed_deliveries.fan_out": {"feed_id": 1, "item_ids": ["a", "b"], "succeeded_at": NOON},
    "feed_deliveries.forget": {"found_before": NOON + HOUR, "limit": 10},
    "feed_deliveries.latest": {"subscriber_id": 1, "feed_id": 1, "limit": 10},
    "feed_deliveries.pending": {
        "subscriber_id": 1,
        "feed_id": 1,
        "found_after": NOON,
        "after_item_id": "a",
        "limit": 10,
    },
    "feed_deliveries.settle": {**_SETTLED, "item_ids": ["a", "b"]},
    "feed_deliveries.settle_until": {**_SETTLED, "found_until": NOON + HOUR},
    "feed_item_ids.add": {"feed_id": 1, "item_ids": ["a", "c", "d"]},
    "feed_items.forget": {"found_before": NOON + HOUR, "limit": 10},
    "feed_items.latest": {"feed_id": 1},
    "feed_items.page": {"feed_id": 1, **_PAGE},
    "feed_polls.claim": {**_CLAIM, "limit": 10},
    "feed_polls.finish": {
        "claimed_by": "me",
        "now": NOON + HOUR,
        "feed_ids": [2],
        "outcomes": (
            PollOutcome(2, 60, 600, '"e"', "Thu", "d", "i", 0, None, succeeded=True, changed=True),
        ),
    },
    "feed_polls.recall": {"beyond": NOON, "now": NOON},
    "feed_polls.release": {"feed_ids": [1, 2], "claimed_by": "me", "now": NOON},
    "feed_polls.renew": {"feed_ids": [1, 2], "claimed_by": "me", "until": NOON + 2 * HOUR},
    "feed_polls.wake_all": {"feed_ids": [1, 2], "now": NOON - HOUR},
    "feed_polls.wake": {"feed_id": 3, "interval_seconds": 600, "now": NOON},
    "feed_queues.claim": {**_CLAIM, "limit": 10},
    "feed_queues.done": {**_QUEUE, "wakes": 1, "now": NOON},
    "feed_queues.recall": {"beyond": NOON, "now": NOON},
    "feed_queues.release": {**_QUEUE, "now": NOON},
    "feed_queues.renew": {**_QUEUE, "until": NOON + 2 * HOUR},
    "feed_queues.retry": {**_QUEUE, "due_at": NOON + HOUR, "reason": "discord_down"},
    "feed_queues.wake": {"feed_id": 1, "now": NOON},
    "feed_subscriptions.begin_anew": {"subscriber_id": 1, "now": NOON + HOUR},
    "feed_subscriptions.followed": {"kind": "dm", "target_id": 1},
    "feed_subscriptions.count_of": {"subscriber_id": 1},
    "feed_subscriptions.health": {"subscriber_id": 1, **_PAGE},
    "feed_subscriptions.page_with_latest": {"subscriber_id": 1, **_PAGE},
    "feed_subscriptions.recall": {"now": NOON - HOUR},
    "feed_subscriptions.subscribers_of": {"feed_id": 1},
    "feeds.by_url": {"source_url": "https://example.com/1"},
    "feeds.by_source": {"platform_id": "anilist", "source_id": "2"},
    "feeds.renew": {"feed_id": 1, "name": "New name", "items_id": None},
    "feeds.forget_unfollowed": {},
    "open_voice_sessions.forget_user": {"user_id": 1},
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
    "subscribers.servers": _ONE_SHARD,
    "voice_sessions.add": {
        "guild_ids": [GUILD, GUILD],
        "user_ids": [71, 72],
        "joined_ats": [NOON - HOUR, NOON],
        "channel_ids": [5, 6],
        "left_ats": [NOON, NOON + HOUR],
    },
    "voice_sessions.forget_user": {"user_id": 2},
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
    "voice_hours.at": {"guild_id": GUILD, "hours": [2024022909, 2024022911]},
    "voice_hours.totals": {
        "guild_id": GUILD,
        "first_hours": [2024022909, 2024030100],
        "last_hours": [2024022911, 2024030123],
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
    "open_voice_sessions.restart": {
        "guild_id": GUILD,
        "user_id": 1,
        "joined_at": NOON,
        "now": NOON + HOUR,
    },
    "voice_boards.claim": {**_BOARD, "next_at": NOON, "then_at": NOON + HOUR},
    "voice_boards.due": {
        **_ONE_SHARD,
        "now": NOON,
        "beyond": NOON + HOUR,
        "live_beyond": NOON + HOUR,
        "limit": 10,
    },
    "voice_boards.forget_user": {"user_id": 1},
    "voice_boards.note": {**_BOARD, "message_id": 6, "shown": "y", "problem": None},
    "voice_boards.of_guild": {"guild_id": GUILD},
    "voice_departures.among": {"guild_id": GUILD, "user_ids": [1, 3]},
    "voice_departures.forget_returned": {},
    "voice_departures.forget_user": {"user_id": 1},
    "voice_departures.oldest": {**_ONE_SHARD, "limit": 1},
    "voice_removals.add": {**_REMOVAL, "sessions": 1, "total": HOUR},
    "voice_removals.advance": {**_REMOVAL, "phase": "removed", "next_phase": "restoring"},
    "voice_removals.expired": {**_ONE_SHARD, "earliest": NOON + HOUR},
    "voice_removals.forget_user": {"user_id": 1},
    "voice_removals.forget_asker": {"asked_by": 1},
    "voice_removals.latest": {"guild_id": GUILD},
    "voice_removals.under_way": {"guild_id": GUILD},
    "voice_removals.unfinished": _ONE_SHARD,
    "voice_removed_sessions.drop_through": {**_REMOVAL, "user_id": 1, "joined_at": NOON},
    "voice_removed_sessions.forget_user": {"user_id": 1},
    "voice_removed_sessions.page": {**_REMOVAL, "limit": 10},
    "voice_removed_sessions.take": {
        "guild_id": GUILD,
        "removal_id": 51,
        "user_ids": [1, 2],
        **_RESET,
    },
    "voice_reward_holders.clear": _REWARD,
    "voice_reward_holders.forget_user": {"user_id": 1},
    "voice_reward_holders.of_reward": _REWARD,
    "voice_rewards.drop_ending": {**_REWARD, "role_id": 33},
    "voice_rewards.due": {**_ONE_SHARD, "now": NOON, "beyond": NOON + HOUR, "limit": 10},
    "voice_rewards.of_guild": {"guild_id": GUILD},
    "voice_rewards.settle": {**_REWARD, "due_at": NOON, "problem": "No."},
    "voice_rewards.switch": {**_REWARD, "enabled": False, "ending": False, "due_at": NOON},
    "voice_sessions.across": {
        "guild_id": GUILD,
        "day": 20240229,
        "moment": NOON - 2 * HOUR,
        "user_id": 1,
        "channel_id": 10,
    },
    "voice_sessions.forget": {"guild_id": GUILD, "user_ids": [1, 2], **_RESET},
    "voice_sessions.nth_start": {
        "guild_id": GUILD,
        "user_id": 1,
        **_RESET,
        "limit": 1,
        "offset": 0,
    },
    "voice_sessions.overlapping": {
        "guild_id": GUILD,
        "user_ids": [1, 2],
        "since": NOON - 2 * HOUR,
        "until": NOON,
    },
    "voice_sessions.tallies": {"guild_id": GUILD, "user_id": None, **_RESET},
    "voice_sessions.channels": {**_RANGE, **_MONTHS, "least": HOUR / 4, **_PAGE},
    "voice_sessions.leaderboard": {
        **_RANGE,
        **_COVER,
        "least": HOUR / 4,
        "hide_left": True,
        "viewer_id": 3,
        **_PAGE,
    },
    "voice_sessions.partners": {**_RANGE, "user_id": 1, **_PAGE},
    "voice_sessions.spans": {**_RANGE, "user_id": 1},
    "voice_sessions.taken": {
        "guild_id": GUILD,
        "user_id": 1,
        "since": NOON - HOUR,
        "until": NOON + HOUR,
    },
}
"""The arguments of each hand-written query, whichever way it is ordered."""

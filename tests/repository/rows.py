"""Rows of every table of the bot, for tests of what all tables have in common."""

import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pwrbot.entities import (
    KEY,
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
from pwrbot.repository import Tables

AT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def feed(number: int) -> Feed:
    return Feed(
        platform_id="anilist",
        source_id=str(number),
        items_id=str(number),
        name=f"Feed {number}",
        description="",
        source_url=f"https://example.com/{number}",
        cover_url=None,
        tags=("a", "b'"),
        created_at=AT,
    )


async def three_rows(tables: Tables, table: str) -> list[Any]:
    """Three rows for a table, in the order of their keys, what they refer to stored already."""
    one, two, three = 2**63 - 3, 2**63 - 2, 2**63 - 1
    if table.startswith("feed_"):
        first = (await tables.feeds.insert(feed(1))).id
        second = (await tables.feeds.insert(feed(2))).id
        dm = (await tables.subscribers.insert(Subscriber("dm", one))).id
        guild = (await tables.subscribers.insert(Subscriber("guild", one))).id
        if table == "feed_absences":
            other = (await tables.subscribers.insert(Subscriber("guild", two))).id
            return [FeedAbsence(dm, AT), FeedAbsence(guild, AT), FeedAbsence(other, AT + HOUR)]
        if table == "feed_items":
            return [
                FeedItem(first, "a", "A", None, AT, AT),
                FeedItem(first, "b", "B", "https://example.com/b", AT, AT + HOUR),
                FeedItem(second, "", "😀", None, AT, AT),
            ]
        if table == "feed_item_ids":
            return [FeedItemId(first, "a"), FeedItemId(first, "b"), FeedItemId(second, "")]
        if table == "feed_polls":
            third = (await tables.feeds.insert(feed(3))).id
            return [
                FeedPoll(first, AT, 60, '"e"', "Thu", "d", "i", AT, AT, AT, 0, None, "me"),
                FeedPoll(second, AT, 60),
                FeedPoll(third, AT + HOUR, 60, failures=7, error="not_found"),
            ]
        subscriptions = [
            FeedSubscription(dm, first, None, AT),
            FeedSubscription(dm, second, None, AT),
            FeedSubscription(guild, first, 5, AT),
        ]
        if table == "feed_subscriptions":
            return subscriptions
        await tables.feed_subscriptions.insert_many(subscriptions)
        if table == "feed_queues":
            return [
                FeedQueue(dm, first, AT, 1, 0),
                FeedQueue(dm, second, None, 2, 0),
                FeedQueue(guild, first, AT + HOUR, 1, 3, "discord_down", "me"),
            ]
        return [
            FeedDelivery(dm, first, "", AT, "pending"),
            FeedDelivery(dm, first, "a", AT, "sent", None, three, AT + HOUR),
            FeedDelivery(guild, first, "a", AT, "given_up", "unknown_channel", None, AT),
        ]
    rows: dict[str, list[Entity]] = {
        "feeds": [feed(1), feed(2), feed(3)],
        "subscribers": [Subscriber("dm", one), Subscriber("guild", one), Subscriber("dm", two)],
        "open_voice_sessions": [
            OpenVoiceSession(one, 1, 1, AT),
            OpenVoiceSession(one, 2, 1, AT),
            OpenVoiceSession(two, 1, 1, AT),
        ],
        "voice_sessions": [
            VoiceSession(one, 1, AT, 1, AT + HOUR),
            VoiceSession(one, 1, AT + HOUR, 1, AT + 2 * HOUR),
            VoiceSession(one, 2, AT, 1, AT + HOUR),
        ],
        "voice_segments": [
            VoiceSegment(one, 20240229, 1, AT, 1, AT + HOUR),
            VoiceSegment(one, 20240229, 1, AT, 2, AT + HOUR),
            VoiceSegment(one, 20240229, 1, AT + HOUR, 1, AT + 2 * HOUR),
        ],
        "voice_member_totals": [VoiceMemberTotal(one, 2024, user, HOUR) for user in (1, 2, 3)],
        "voice_channel_totals": [
            VoiceChannelTotal(one, day, 1, HOUR) for day in (202402, 202403, 20240229)
        ],
        "voice_hours": [VoiceHour(one, hour, HOUR, -HOUR, 0 * HOUR, HOUR) for hour in (1, 2, 3)],
        "voice_rewards": [
            VoiceReward(one, 1, "today", HOUR, None, True, False, AT, None),
            VoiceReward(one, 2, "all_time", None, 3, False, True, AT, "No."),
            VoiceReward(two, 1, "today", 0 * HOUR, None, True, False, AT, None),
        ],
        "voice_reward_holders": [
            VoiceRewardHolder(one, 1, user, user > 1, AT) for user in (1, 2, 3)
        ],
        "voice_boards": [
            VoiceBoard(one, 1, "live", 0, 0, "today", 10, AT, 7, "x", None),
            VoiceBoard(one, 1, "week", 23, 6, "today", 10, AT, None, None, "No."),
            VoiceBoard(two, 1, "day", 9, 0, "today", 10, AT, None, None, None),
        ],
        "voice_removals": [
            VoiceRemoval(one, 1, 5, AT, "removing", None, None, None, AT, 0, 0 * HOUR),
            VoiceRemoval(one, 2, 5, AT, "removed", 1, 2, AT, AT, 3, HOUR),
            VoiceRemoval(two, 1, 5, AT, "restored", None, None, None, AT, 0, HOUR),
        ],
        "voice_removed_sessions": [
            VoiceRemovedSession(one, 1, 1, AT, 1, AT + HOUR),
            VoiceRemovedSession(one, 1, 1, AT + HOUR, 1, AT + HOUR),
            VoiceRemovedSession(one, 2, 1, AT, 1, AT + HOUR),
        ],
        "voice_departures": [
            VoiceDeparture(one, 1, "Ada", AT),
            VoiceDeparture(one, 2, None, AT),
            VoiceDeparture(two, 1, "😀", AT),
        ],
        "server_settings": [
            ServerSettings(one, Settings(), 1, AT),
            ServerSettings(
                two, Settings("Europe/Berlin", VoiceSettings(ignored_roles=(1, three))), 1, AT
            ),
            ServerSettings(three, Settings(), 7, AT),
        ],
        "member_preferences": [
            MemberPreferences(one, True, AT),
            MemberPreferences(two, False, AT),
            MemberPreferences(three, True, AT),
        ],
        "bot_meta": [BotMeta("", ""), BotMeta("a", "b"), BotMeta("😀", "c")],
    }
    return rows[table]


def changed(row: Any) -> Any:
    """The same row with something else in a column that is not of its key."""
    changes: dict[type, dict[str, Any]] = {
        Feed: {"name": "Other", "tags": ()},
        FeedItem: {"title": "Other", "url": "https://example.com/other"},
        Subscriber: {"target_id": 77},
        FeedSubscription: {"channel_id": 77},
        FeedItemId: {},
        FeedAbsence: {"since": AT + 2 * HOUR},
        FeedPoll: {"next_poll_at": AT + 2 * HOUR, "etag": None, "failures": 1},
        FeedDelivery: {"state": "skipped", "reason": "filtered"},
        FeedQueue: {"due_at": AT + 2 * HOUR, "wakes": 9},
        OpenVoiceSession: {"channel_id": 77, "joined_at": AT + HOUR},
        VoiceSession: {"channel_id": 77, "left_at": row.left_at + HOUR}
        if isinstance(row, VoiceSession)
        else {},
        VoiceSegment: {"ended_at": AT + HOUR / 2},
        VoiceMemberTotal: {"total": 2 * HOUR},
        VoiceChannelTotal: {"total": 2 * HOUR},
        VoiceHour: {"quarter_2": HOUR},
        VoiceReward: {"enabled": False, "problem": "Other."},
        VoiceRewardHolder: {"checked_at": AT + HOUR},
        VoiceBoard: {"next_at": AT + HOUR, "shown": "other"},
        VoiceRemoval: {"phase": "restoring", "total": 2 * HOUR},
        VoiceRemovedSession: {"channel_id": 77},
        VoiceDeparture: {"name": "Other", "checked_at": AT + HOUR},
        ServerSettings: {"settings": Settings("Asia/Tokyo"), "version": 9},
        MemberPreferences: {"updated_at": AT + HOUR},
        BotMeta: {"value": "other"},
    }
    return msgspec.structs.replace(row, **changes[type(row)])


def key_of(row: Any) -> Any:
    """The key as ``select`` takes it."""
    hints = typing.get_type_hints(type(row), include_extras=True)
    names = [name for name, hint in hints.items() if KEY in getattr(hint, "__metadata__", ())]
    values: list[Any] = [getattr(row, name) for name in names]
    return tuple(values) if len(values) > 1 else values[0]

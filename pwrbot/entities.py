"""The rows of the database as Python sees them: one class per table, one per row shape.

Field names are column names. ``Key[...]`` marks the primary key, in its order; ``Generated[...]`` a
key the database hands out (0 until the row is stored). Every ``datetime`` is aware and in UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from pwrbot.feeds.filters import Filter

T = TypeVar("T")

KEY: Final = "key"
GENERATED: Final = "generated"

Key = Annotated[T, KEY]
Generated = Annotated[T, KEY, GENERATED]


class Entity(msgspec.Struct, frozen=True, gc=False):
    """A row: immutable, and without references that could form a cycle."""


# Voice


class OpenVoiceSession(Entity, frozen=True, gc=False):
    """A session still running: the member has counted in this channel since ``joined_at``."""

    guild_id: Key[int]
    user_id: Key[int]
    channel_id: int
    joined_at: datetime


class VoiceSession(Entity, frozen=True, gc=False):
    """A session that ended: the member counted in this channel during [joined_at, left_at)."""

    guild_id: Key[int]
    user_id: Key[int]
    joined_at: Key[datetime]
    channel_id: int
    left_at: datetime


class VoiceSegment(Entity, frozen=True, gc=False):
    """The part of a session that lies in one day of UTC."""

    guild_id: Key[int]
    day: Key[int]
    """Its digits, such as 20240229."""
    channel_id: Key[int]
    started_at: Key[datetime]
    user_id: Key[int]
    ended_at: datetime


class VoiceMemberTotal(Entity, frozen=True, gc=False):
    """A member's time in a period of UTC, open sessions left out."""

    guild_id: Key[int]
    period: Key[int]
    """Its digits: 20240229 a day, 202402 a month, 2024 a year, 0 all time."""
    user_id: Key[int]
    total: timedelta


class VoiceChannelTotal(Entity, frozen=True, gc=False):
    """What all members together spent in a channel on a day or in a month, written as above."""

    guild_id: Key[int]
    period: Key[int]
    channel_id: Key[int]
    total: timedelta


class VoiceHour(Entity, frozen=True, gc=False):
    """What all members of a guild together spent in an hour of UTC, by its quarters."""

    guild_id: Key[int]
    hour: Key[int]
    """Its digits: 2024022923 is the last of that day."""
    quarter_1: timedelta
    quarter_2: timedelta
    quarter_3: timedelta
    quarter_4: timedelta


class VoiceStretch(Entity, frozen=True, gc=False):
    """What was spent in one of several stretches of time that were asked for together."""

    number: int
    """Its place among them, from 0."""
    total: timedelta | None
    """None where there is nothing in it."""


class VoiceDifference(Entity, frozen=True, gc=False):
    """A row of a roll-up that is not what the sessions say."""

    period: int
    id: int
    """Of the member or channel; 0 for an hour, which is the whole guild's."""
    kept: timedelta
    correct: timedelta


class VoiceTotal(Entity, frozen=True, gc=False):
    """A member's time in voice within a range, and their place by it (1 is the first)."""

    user_id: int
    total: timedelta
    place: int
    members: int
    """How many members are on the board in all."""


class VoicePartner(Entity, frozen=True, gc=False):
    """How long a member was in the same channel as the one asked about, within a range."""

    user_id: int
    total: timedelta
    place: int
    members: int


class VoiceChannelTime(Entity, frozen=True, gc=False):
    """What all members together spent in a channel within a range, and its place by that."""

    channel_id: int
    total: timedelta
    place: int
    channels: int
    """How many channels are on the board in all."""


class VoiceSpan(Entity, frozen=True, gc=False):
    """A stretch of one member's time in a channel, clipped to the range asked for."""

    channel_id: int
    started_at: datetime
    ended_at: datetime


class VoiceReward(Entity, frozen=True, gc=False):
    """A role for the members with enough time within a range, or with the most."""

    guild_id: Key[int]
    role_id: Key[int]
    look_back: str
    """The value of a Range."""
    least: timedelta | None
    """The time it takes; None where ``top`` says how many of the first get it."""
    top: int | None
    enabled: bool
    ending: bool
    """Being taken back from everybody, after which the rule goes."""
    due_at: datetime
    """When it is next looked at."""
    problem: str | None
    """Why it does not work at present, for the server's managers."""


class VoiceRewardHolder(Entity, frozen=True, gc=False):
    """A member who has earned a role."""

    guild_id: Key[int]
    role_id: Key[int]
    user_id: Key[int]
    given: bool
    """By the bot; False: they had it already, and so they keep it."""
    checked_at: datetime


VoiceBoardKind = Literal["day", "week", "month", "live"]


class VoiceBoard(Entity, frozen=True, gc=False):
    """A leaderboard that a channel gets by itself: each day, week or month, or kept current."""

    guild_id: Key[int]
    channel_id: Key[int]
    kind: Key[VoiceBoardKind]
    hour: int
    """Of the server's zone, at which it posts."""
    weekday: int
    """On which a weekly one posts, 0 is Monday."""
    look_back: str
    """The value of a Range, for a live one."""
    minutes: int
    """Between two edits of a live one, at least."""
    next_at: datetime
    message_id: int | None
    shown: str | None
    """What tells two contents of a live one apart; of another the local day of its last time."""
    problem: str | None


VoiceRemovalPhase = Literal["removing", "removed", "restoring", "restored"]


class VoiceRemoval(Entity, frozen=True, gc=False):
    """A reset: the sessions of a member, in a channel, that began within [since, until)."""

    guild_id: Key[int]
    removal_id: Key[int]
    asked_by: int
    asked_at: datetime
    phase: VoiceRemovalPhase
    user_id: int | None
    """None: of all members."""
    channel_id: int | None
    """None: in all channels."""
    since: datetime | None
    """None: from the first one on."""
    until: datetime
    """At the latest ``asked_at``."""
    sessions: int
    """How many have been taken."""
    total: timedelta


class VoiceRemovedSession(Entity, frozen=True, gc=False):
    """A session that a reset took."""

    guild_id: Key[int]
    removal_id: Key[int]
    user_id: Key[int]
    joined_at: Key[datetime]
    channel_id: int
    left_at: datetime


class VoiceTally(Entity, frozen=True, gc=False):
    """How many sessions of a member something concerns, and the time in them."""

    user_id: int
    sessions: int
    total: timedelta


class VoiceDeparture(Entity, frozen=True, gc=False):
    """A member found to have left the server."""

    guild_id: Key[int]
    user_id: Key[int]
    name: str | None
    """Of the account, None where it is gone too."""
    checked_at: datetime


# Feeds


class Feed(Entity, frozen=True, gc=False):
    """Something that publishes items, whoever follows it."""

    platform_id: str
    source_id: str
    items_id: str
    name: str
    description: str
    source_url: str
    cover_url: str | None
    tags: tuple[str, ...]
    created_at: datetime
    id: Generated[int] = 0


class FeedItem(Entity, frozen=True, gc=False):
    """One thing a feed published, known by its source's own id."""

    feed_id: Key[int]
    item_id: Key[str]
    title: str
    url: str | None
    published_at: datetime
    """By its source, but never after ``found_at``, which stands where the source tells none."""
    found_at: datetime
    """Of the items of one poll each has its own microsecond: their order, oldest first."""
    summary: str = ""
    image_url: str | None = None
    author: str | None = None


class FeedItemId(Entity, frozen=True, gc=False):
    """A feed has shown this item; kept for good, so that none is told of twice."""

    feed_id: Key[int]
    item_id: Key[str]


class FeedPoll(Entity, frozen=True, gc=False):
    """How the polling of a feed stands."""

    feed_id: Key[int]
    next_poll_at: datetime
    """While a process polls it: when that process's claim ends."""
    interval_seconds: int
    """How long to wait between two polls while all goes well."""
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    """Of the body; these three are what the source's ``Validators`` are kept as."""
    items_digest: str | None = None
    """Of all that the feed showed last, whatever else its body says."""
    polled_at: datetime | None = None
    """When the last poll began."""
    succeeded_at: datetime | None = None
    """When the last one that worked began; None: none has yet."""
    changed_at: datetime | None = None
    """When the last one that brought something new began."""
    failures: int = 0
    """How many polls failed since the last one that worked."""
    error: str | None = None
    """Why the last one failed, a name such as ``not_found``; None: it worked."""
    claimed_by: str | None = None
    """The process that is polling it now."""


class DuePoll(Entity, frozen=True, gc=False):
    """A feed a process has claimed, with all that polling it needs."""

    feed_id: int
    platform_id: str
    source_id: str
    items_id: str
    source_url: str
    interval_seconds: int
    etag: str | None
    last_modified: str | None
    digest: str | None
    items_digest: str | None
    succeeded_at: datetime | None
    changed_at: datetime | None
    failures: int
    polled_at: datetime
    """When it was claimed."""
    followed: bool
    """Whether anybody who is there follows it; a feed nobody follows is not polled."""


class PollOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a poll leaves behind for the next one."""

    feed_id: int
    wait_seconds: int
    """From when this is stored to the next poll."""
    interval_seconds: int
    etag: str | None
    last_modified: str | None
    digest: str | None
    items_digest: str | None
    failures: int
    error: str | None
    succeeded: bool
    changed: bool


SubscriberKind = Literal["dm", "guild"]


class Subscriber(Entity, frozen=True, gc=False):
    """Who is told: a user by direct message, or a guild in one of its channels."""

    kind: SubscriberKind
    target_id: int
    id: Generated[int] = 0


class FeedAbsence(Entity, frozen=True, gc=False):
    """A server the bot is in no more; what it follows is kept for its return."""

    subscriber_id: Key[int]
    since: datetime
    """When the bot noticed."""


class FeedSubscription(Entity, frozen=True, gc=False):
    """A subscriber follows a feed; ``channel_id`` None means the guild's default channel."""

    subscriber_id: Key[int]
    feed_id: Key[int]
    channel_id: int | None
    """Of a channel or a thread."""
    created_at: datetime
    """Or when its server last took the bot back: nothing the feed showed before is sent."""
    role_id: int | None = None
    """Mentioned with each item."""
    item_filter: Filter | None = None
    template: str | None = None
    """The text of a message; None: the default layout."""


class SubscribedFeed(Entity, frozen=True, gc=False):
    """A line of a subscriber's list: a feed and its newest item, None where it has none."""

    feed_id: int
    name: str
    source_url: str
    cover_url: str | None
    channel_id: int | None
    item_title: str | None
    item_url: str | None
    item_published_at: datetime | None


class FollowedFeed(Entity, frozen=True, gc=False):
    """Something somebody follows, to be chosen from a list."""

    feed_id: int
    platform_id: str
    name: str
    source_url: str


DeliveryState = Literal["pending", "sent", "skipped", "given_up"]
"""Skipped: a filter or a setting was against it. Given up: Discord was."""


class FeedDelivery(Entity, frozen=True, gc=False):
    """An item a subscription is told of, and what became of it."""

    subscriber_id: Key[int]
    feed_id: Key[int]
    item_id: Key[str]
    found_at: datetime
    state: DeliveryState
    reason: str | None = None
    """Why it was not sent, a name such as ``unknown_channel``."""
    message_id: int | None = None
    settled_at: datetime | None = None
    """When it was sent, skipped or given up."""


class FeedQueue(Entity, frozen=True, gc=False):
    """Where the sending of a subscription's pending deliveries stands."""

    subscriber_id: Key[int]
    feed_id: Key[int]
    due_at: datetime | None
    """None: nothing waits. While a process works it off: when that process's claim ends."""
    wakes: int
    """Grows with each poll that added to it."""
    attempts: int
    """How many failed since the last that worked."""
    reason: str | None = None
    """Why the last one failed."""
    claimed_by: str | None = None


class ClaimedQueue(Entity, frozen=True, gc=False):
    """A queue a process has claimed, with all that sending from it needs."""

    subscriber_id: int
    feed_id: int
    wakes: int
    attempts: int
    kind: SubscriberKind
    target_id: int
    channel_id: int | None
    role_id: int | None
    item_filter: Filter | None
    template: str | None
    feed_name: str
    source_url: str


class PendingItem(Entity, frozen=True, gc=False):
    """An item that waits to be sent."""

    item_id: str
    title: str
    url: str | None
    published_at: datetime
    found_at: datetime
    summary: str
    image_url: str | None
    author: str | None


class FeedHealth(Entity, frozen=True, gc=False):
    """How a feed that somebody follows is doing, and what became of its items."""

    feed_id: int
    name: str
    source_url: str
    channel_id: int | None
    next_poll_at: datetime | None
    """None: it is being polled now, or was never scheduled."""
    polled_at: datetime | None
    succeeded_at: datetime | None
    failures: int
    error: str | None
    pending: int
    sent: int
    filtered: int
    missed: int
    """What came while feeds were off."""
    given_up: int
    last_sent_at: datetime | None
    waiting_reason: str | None
    """Why sending is being tried again, None where it is not."""
    last_given_up_at: datetime | None
    given_up_reason: str | None
    """Of the last item that was given up."""


# Settings


class FeedSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Feeds of a server."""

    enabled: bool = True
    """False: what is found meanwhile is not sent, not later either."""
    channel_id: int | None = None
    """Where to, for subscriptions that name no channel."""
    subscribe_role_id: int | None = None
    unsubscribe_role_id: int | None = None
    """Who may, besides those with Manage Server; None: only they."""
    digest_over: int = 5
    """More items of a feed at once than this are told in one message."""


class VoiceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose time in voice counts in a server."""

    enabled: bool = True
    afk_channel: bool = False
    """Whether time in the server's AFK channel counts."""
    self_deafened: bool = True
    muted: bool = True
    """Whether time while muted, by oneself or by the server, counts."""
    alone: bool = True
    """Whether time with no other person in the channel counts."""
    ignored_channels: tuple[int, ...] = ()
    ignored_roles: tuple[int, ...] = ()
    hide_left: bool = False
    """Whether boards leave out members who left the server."""


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a server chose, nested by feature; what it left alone keeps its default."""

    timezone: str | None = None
    """IANA name of the server's zone; None means the host's DEFAULT_TIMEZONE."""
    voice: VoiceSettings = VoiceSettings()
    feeds: FeedSettings = FeedSettings()


class ServerSettings(Entity, frozen=True, gc=False):
    """The settings of one server, and how often they have been changed."""

    guild_id: Key[int]
    settings: Settings
    version: int
    updated_at: datetime


class MemberPreferences(Entity, frozen=True, gc=False):
    """What one user chose, wherever they meet the bot."""

    user_id: Key[int]
    plain_text: bool
    """Text in place of pictures."""
    updated_at: datetime


# The bot itself


class BotMeta(Entity, frozen=True, gc=False):
    """One thing the bot remembers about itself."""

    key: Key[str]
    value: str

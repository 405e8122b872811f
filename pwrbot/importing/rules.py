"""The rules by which what pwr-bot kept becomes what pwrbot keeps. Each is named in the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

DISCORD_BEGAN: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""The first moment that a Discord id can tell."""

LONGEST: Final = timedelta(days=60)
"""A longer session is a leave that pwr-bot missed."""


class Rule(StrEnum):
    """What was done with rows that cannot be taken as they are, in words that follow a number."""

    # Sessions that are left out, in the order in which they are asked about
    BAD_ID = "left out: a server, member or channel id that is no Discord id"
    BAD_TIME = "left out: a time that cannot be read"
    BEFORE_DISCORD = "left out: began before 2015, when there was no Discord"
    IN_FUTURE = "left out: ends in the future, so the clock was wrong"
    NEVER_ENDED = "left out: still running, and pwr-bot gave no sign of life after it began"
    NEGATIVE = "left out: ends before it begins"
    EMPTY = "left out: ends when it begins"
    OVERLONG = "left out: longer than 60 days, so its end was missed"
    SAME_START = "left out: begins when another of the member's sessions does, and ends no later"

    # Sessions that are mended
    ENDED_BY_HEARTBEAT = "mended: was still running; ends with pwr-bot's last sign of life"
    ENDED_BY_NEXT = "mended: overlaps the member's next session, and ends where that begins"
    MADE_ROOM = "mended: cut down to the time that pwrbot has no session of the member for"

    # Sessions that are only remarkable
    SMALL_ID = "kept: with an id too small to be one of Discord's"

    # Feeds
    UNKNOWN_PLATFORM = "left out: a site that pwrbot has no module for"
    SAME_FEED = "merged: another row has the same feed"
    ITEM_WITHOUT_FEED = "left out: item of a feed that is not there or was left out"
    ITEM_BAD_TIME = "left out: item whose time cannot be read"
    BAD_SUBSCRIBER = "left out: neither a server nor a user"
    SAME_SUBSCRIBER = "merged: another row has the same server or user"
    HALF_SUBSCRIPTION = "left out: its feed or its subscriber is not there or was left out"
    SAME_SUBSCRIPTION = "left out: the same server or user follows the same feed already"

    # Settings
    BAD_SETTINGS = "left out: settings that cannot be read"
    NOTHING_CHOSEN = "left out: chooses nothing that pwrbot would do otherwise"

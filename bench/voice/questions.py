"""What is asked, of all three: the big guild's boards and figures, each over [since, until)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from bench.voice.data import NOW, Community
from bench.voice.databases import Databases
from pwrbot.services.ranges import Range, bounds, day_starts

ZONE = ZoneInfo("Europe/Berlin")
"""The server's, with both changes of the clock within the year."""

PAGE = 10

Ask = Callable[[], Awaitable[Any]]


class Aim(msgspec.Struct, frozen=True):
    """At least so many times faster than pwr-bot's."""

    sqlite: float
    postgres: float


class Question(msgspec.Struct, frozen=True):
    """One question, and who answers it how. None: there is no such answer there."""

    key: str
    title: str
    ours: Ask
    plain: Ask | None = None
    pwr_bot: Ask | None = None
    aim: Aim | None = None


class Window(msgspec.Struct, frozen=True):
    """[since, until), and how the bot is asked for it."""

    name: str
    since: datetime
    until: datetime
    range: Range | None = None


def _window(name: str, chosen: Range) -> Window:
    return Window(name, *bounds(chosen, NOW, ZONE), chosen)


ALL_TIME = _window("all time", Range.ALL_TIME)
YEAR = _window("this year", Range.THIS_YEAR)
MONTH = _window("this month", Range.THIS_MONTH)
WEEK = _window("7 days", Range.PAST_7_DAYS)
RAGGED = Window(
    "a ragged 13 months",
    datetime(2025, 5, 7, 9, 41, 27, 654_321, UTC),
    datetime(2026, 6, 9, 17, 13, 8, 123_456, UTC),
)
DAYS_30 = Window("30 days", NOW - timedelta(days=30), NOW)

BOARDS = {
    ALL_TIME: Aim(300, 80),
    YEAR: Aim(300, 80),
    MONTH: None,
    WEEK: Aim(100, 50),
    RAGGED: Aim(45, 12),
}
PARTNERS = {ALL_TIME: Aim(2500, 1500), DAYS_30: None, WEEK: None}
PERCENTILES = (50, 90, 99)

YEAR_OF_DAYS = 365
WEEKS = 4


def questions(opened: Databases, community: Community) -> list[Question]:
    """All of them, each ready to be asked again and again."""
    guild_id = community.big_guild
    ours, simple, theirs = opened.ours, opened.plain, opened.pwr_bot
    found: list[Question] = []

    def board(window: Window, aim: Aim | None) -> Question:
        since, until = window.since, window.until
        page = {"guild_id": guild_id, "since": since, "until": until, "offset": 0}
        return Question(
            f"leaderboard, {window.name}",
            f"leaderboard page, {window.name}",
            ours=lambda: ours.leaderboard(guild_id, window, PAGE),
            plain=lambda: simple.run("leaderboard", **page, now=NOW, limit=PAGE),
            pwr_bot=lambda: theirs.run("leaderboard", **page, current=NOW, limit=PAGE),
            aim=aim,
        )

    def partners(window: Window, percentile: int, aim: Aim | None) -> Question:
        user_id = community.member(percentile)
        page = {
            "guild_id": guild_id,
            "user_id": user_id,
            "since": window.since,
            "until": window.until,
            "offset": 0,
        }
        return Question(
            f"partners, p{percentile}, {window.name}",
            f"partners, {_member(percentile)}, {window.name}",
            ours=lambda: ours.partners(guild_id, user_id, window, PAGE),
            plain=lambda: simple.run("partners", **page, now=NOW, limit=PAGE),
            pwr_bot=lambda: theirs.run("partners", **page, current=NOW, limit=PAGE),
            aim=aim if percentile == 99 else None,
        )

    def stats(percentile: int) -> Question:
        user_id = community.member(percentile)
        own = {
            "guild_id": guild_id,
            "user_id": user_id,
            "since": YEAR.since,
            "until": YEAR.until,
        }
        return Question(
            f"stats, p{percentile}",
            f"figures of {_member(percentile)}, this year",
            ours=lambda: ours.stats(guild_id, user_id, Range.THIS_YEAR),
            plain=lambda: simple.run("spans", **own, now=NOW),
            pwr_bot=lambda: theirs.run("member_daily", **own, current=NOW),
        )

    found += [board(window, aim) for window, aim in BOARDS.items()]
    found += [partners(w, p, aim) for w, aim in PARTNERS.items() for p in PERCENTILES]
    found += [stats(50), stats(99)]
    days = days_of_a_year()
    hours = hours_of_weeks()
    found += [
        Question(
            "days",
            "the guild's activity per day, a year",
            ours=lambda: ours.days(guild_id, days[0][0]),
            plain=lambda: simple.run("between", guild_id=guild_id, stretches=days, now=NOW),
            pwr_bot=lambda: theirs.run(
                "guild_daily", guild_id=guild_id, since=days[0][0], until=NOW, current=NOW
            ),
        ),
        Question(
            "hour of week",
            "the guild's activity by hour of the week, 28 days",
            ours=lambda: ours.activity(guild_id, hours[0][0]),
            plain=lambda: simple.run("between", guild_id=guild_id, stretches=hours, now=NOW),
            pwr_bot=lambda: theirs.run(
                "sessions_in_range", guild_id=guild_id, since=hours[0][0], until=NOW
            ),
        ),
        Question(
            "channels",
            "time per channel, this year",
            ours=lambda: ours.channels(guild_id, Range.THIS_YEAR, PAGE),
            plain=lambda: simple.run(
                "channels", guild_id=guild_id, since=YEAR.since, until=YEAR.until, now=NOW
            ),
        ),
    ]
    return found


def days_of_a_year() -> list[tuple[datetime, datetime]]:
    """Each day of the server's zone, the last one up to now."""
    today = NOW.astimezone(ZONE).date()
    starts = day_starts(today - timedelta(days=YEAR_OF_DAYS - 1), today, ZONE)
    return list(zip(starts, [*starts[1:], NOW], strict=True))


def hours_of_weeks() -> list[tuple[datetime, datetime]]:
    """Each hour from a local midnight 28 days ago, the last one up to now."""
    today = NOW.astimezone(ZONE).date()
    (since,) = day_starts(today - timedelta(weeks=WEEKS), today - timedelta(weeks=WEEKS), ZONE)
    hour = timedelta(hours=1)
    starts = [since + number * hour for number in range(-(-(NOW - since) // hour))]
    return list(zip(starts, [*starts[1:], NOW], strict=True))


def _member(percentile: int) -> str:
    return "median member" if percentile == 50 else f"{percentile}th-percentile member"

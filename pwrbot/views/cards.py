"""Pictures of what the services found, with members' names and faces."""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from pwrbot.people import People
from pwrbot.pictures import (
    AvatarCache,
    Chart,
    Leaderboard,
    Period,
    Picture,
    Row,
    Studio,
    Week,
    Year,
)
from pwrbot.services.ranges import EPOCH, Range
from pwrbot.services.statistics import LeaderboardPage
from pwrbot.services.voice_calendar import Days, Hours, Periods, Span
from pwrbot.views.wording import duration

AVATAR_SECONDS: Final = 1.0
"""How long a card waits for avatars; who has none by then gets initials."""


class Cards:
    """Draws cards, which takes at most some two seconds more than the drawing itself."""

    def __init__(self, studio: Studio, avatars: AvatarCache, people: People) -> None:
        self._studio = studio
        self._avatars = avatars
        self._people = people

    async def leaderboard(
        self, guild_id: int, page: LeaderboardPage, longest: timedelta, viewer_id: int
    ) -> Picture:
        """``longest`` is the time of the first. Raises PictureUnavailable."""
        people = await self._people.of(guild_id, [row.user_id for row in page.rows])
        urls = [each.avatar_url for each in people.values() if each.avatar_url is not None]
        faces = await self._avatars.get(urls, AVATAR_SECONDS)
        rows: list[Row] = []
        for row in page.rows:
            who = people[row.user_id]
            rows.append(
                Row(
                    place=row.place,
                    name=named_in_picture(who.name, who.left),
                    time=row.total,
                    words=duration(row.total),
                    face=faces.get(who.avatar_url or ""),
                    seed=row.user_id >> 22,  # the lower bits of an id are nearly always the same
                    marked=row.user_id == viewer_id,
                )
            )
        when = f"{page.range.label}: {from_to(page.since, page.until, page.zone)}"
        return await self._studio.leaderboard(Leaderboard("Voice leaderboard", when, rows, longest))

    async def year(self, title: str, year: Year) -> Picture:
        """``title`` says whose it is. Raises PictureUnavailable, as do the others."""
        return await self._studio.year(replace(year, title=title))

    async def week(self, title: str, week: Week) -> Picture:
        return await self._studio.week(replace(week, title=title))

    async def chart(self, title: str, chart: Chart) -> Picture:
        return await self._studio.chart(replace(chart, title=title))


def named_in_picture(name: str, left: bool) -> str:
    """A member, and whether they left the server."""
    return f"{name} (left)" if left else name


def year_of(days: Days) -> Year:
    """The days of a year, without a title."""
    when = f"Time in voice by day, {_day(days.first)} to {_day(days.last)}, {days.zone.key}"
    return Year("", when, days.first, days.last, days.times)


def week_of(hours: Hours, range: Range) -> Week:
    """The hours of the week, without a title."""
    span = from_to(hours.since, hours.until, hours.zone)
    return Week("", f"Time in voice by hour, {range.label.lower()}: {span}", hours.times)


def chart_of(periods: Periods) -> Chart:
    """The present period beside earlier ones, without a title."""
    step = "month" if periods.monthly else "day"
    longest = max(periods.spans, key=lambda span: len(span.times))
    steps = [
        f"{date(2000, number + 1, 1):%b}" if periods.monthly else f"{number + 1}"
        for number, _ in enumerate(longest.times)
    ]
    when = f"Time in voice by {step} beside earlier times, {periods.zone.key}"
    return Chart("", when, steps, [Period(_period(each), each.times) for each in periods.spans])


def _period(span: Span) -> str:
    return f"from {_day(span.first)}"


def from_to(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """From when to when, in the server's zone: a picture is the same for every reader."""
    begins = "" if since <= EPOCH else f"{_moment(since, zone)} "
    return f"{begins}to {_moment(until, zone)}, {zone.key}"


def _moment(time: datetime, zone: ZoneInfo) -> str:
    return f"{_day(time.astimezone(zone).date())} {time.astimezone(zone):%H:%M}"


def _day(day: date) -> str:
    return f"{day:%d %b %Y}"

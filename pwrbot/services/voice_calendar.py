"""A guild's or a member's time in voice as it is drawn: a year, a week, beside earlier periods.

Days and hours are those of the server's zone.
"""

# ruff: noqa: A002 - a range is called range, as in the commands

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.services.activity import DayTime, VoiceActivity
from pwrbot.services.ranges import EPOCH, Range, day_start

_DAY: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)
_BACK: Final = (0, 1, 2)  # periods back from the present one


class Days(msgspec.Struct, frozen=True):
    """The time on each local day from the first to the last; days without any left out."""

    first: date
    last: date
    times: dict[date, timedelta]
    zone: ZoneInfo


class Hours(msgspec.Struct, frozen=True):
    """The time in each of the 168 hours of the week, the first that of Monday's midnight."""

    times: list[timedelta]
    since: datetime
    until: datetime
    zone: ZoneInfo


class Span(msgspec.Struct, frozen=True):
    """Steps of equal kind, days or months; ``times`` ends with the one that is not over."""

    first: date
    times: list[timedelta]


class Periods(msgspec.Struct, frozen=True):
    """The present period and the two before it, each from its beginning."""

    monthly: bool
    """Whether a step is a month, not a day."""
    spans: list[Span]
    zone: ZoneInfo


class VoiceCalendar:
    """The activity of a guild, or of one of its members. All of it raises DatabaseError."""

    def __init__(self, activity: VoiceActivity) -> None:
        self._activity = activity

    async def days(self, guild_id: int, member_id: int | None = None) -> Days:
        """The 365 days up to today."""
        now, zone = await self._activity.now(guild_id)
        last = now.astimezone(zone).date()
        first = last - _YEAR + _DAY
        seen = await self._activity.days(guild_id, day_start(first, zone), now, zone, member_id)
        return Days(first, last, _times(seen), zone)

    async def hours(self, guild_id: int, range: Range, member_id: int | None = None) -> Hours:
        """All hours of a range, at most the last 370 days of it, laid upon one week."""
        seen = await self._activity.of_range(guild_id, range, member_id)
        times = [time for day in seen.week for time in day]
        return Hours(times, seen.since, seen.until, seen.zone)

    async def periods(self, guild_id: int, range: Range, member_id: int | None = None) -> Periods:
        """What the range is about beside the same before it: this year by month, else by day this
        month, 14 days or 7."""
        now, zone = await self._activity.now(guild_id)
        today = now.astimezone(zone).date()
        monthly = range in (Range.THIS_YEAR, Range.ALL_TIME)
        starts = _starts(range, today)
        since = max(day_start(starts[-1], zone), EPOCH)
        times = _times(await self._activity.days(guild_id, since, now, zone, member_id))
        spans: list[Span] = []
        end = today + _DAY
        for first in starts:
            spans.append(Span(first, list(_steps(first, end, times, monthly))))
            end = first
        return Periods(monthly, spans, zone)


def _times(days: Iterable[DayTime]) -> dict[date, timedelta]:
    return {day.day: day.total for day in days if day.total}


def _starts(range: Range, today: date) -> list[date]:
    """Where the present period and those before it begin, the present one first."""
    if range in (Range.THIS_YEAR, Range.ALL_TIME):
        return [date(today.year - back, 1, 1) for back in _BACK]
    if range is Range.THIS_MONTH:
        months = [today.year * 12 + today.month - 1 - back for back in _BACK]
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    length = timedelta(days=14 if range is Range.PAST_14_DAYS else 7)
    return [today + _DAY - length * (back + 1) for back in _BACK]


def _steps(
    first: date, end: date, times: dict[date, timedelta], monthly: bool
) -> Iterator[timedelta]:
    """The time in each month, or on each day, of [first, end)."""
    step, total = first, timedelta()
    while step < end:
        total += times.get(step, timedelta())
        after = step + _DAY
        if not monthly or after.month != step.month or after >= end:
            yield total
            total = timedelta()
        step = after

"""When one member is in voice: by day, by hour of the week, and beside earlier periods.

Days and hours are those of the server's zone. The work grows with the member's own time in the
range, never with anybody else's.
"""

# ruff: noqa: A002 - a range is called range, as in the commands

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.clock import Clock
from pwrbot.entities import VoiceSpan
from pwrbot.repository import Repository
from pwrbot.services.ranges import EPOCH, Range, bounds, day_start
from pwrbot.services.settings import SettingsService

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_QUARTER: Final = timedelta(minutes=15)
_YEAR: Final = timedelta(days=365)
_BACK: Final = (0, 1, 2)  # periods back from the present one


class Days(msgspec.Struct, frozen=True):
    """A member's time on each local day from the first to the last; days without any left out."""

    first: date
    last: date
    times: dict[date, timedelta]
    zone: ZoneInfo


class Hours(msgspec.Struct, frozen=True):
    """A member's time in each of the 168 hours of the week, the first that of Monday's midnight."""

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


class VoiceActivity:
    """The activity of members of one guild. All of it raises DatabaseError."""

    def __init__(self, repository: Repository, clock: Clock, settings: SettingsService) -> None:
        self._repository = repository
        self._clock = clock
        self._settings = settings

    async def days(self, guild_id: int, member_id: int) -> Days:
        """The 365 days up to today."""
        zone = await self._settings.zone(guild_id)
        now = self._clock.now()
        last = now.astimezone(zone).date()
        first = last - _YEAR + _DAY
        times = by_day(await self._spans(guild_id, member_id, day_start(first, zone), now), zone)
        return Days(first, last, times, zone)

    async def hours(self, guild_id: int, member_id: int, range: Range) -> Hours:
        """All hours of a range, laid upon one week."""
        zone = await self._settings.zone(guild_id)
        since, until = bounds(range, self._clock.now(), zone)
        times = by_hour_of_week(await self._spans(guild_id, member_id, since, until), zone)
        return Hours(times, since, until, zone)

    async def periods(self, guild_id: int, member_id: int, range: Range) -> Periods:
        """What the range is about beside the same before it: this year by month, else by day this
        month, 14 days or 7."""
        zone = await self._settings.zone(guild_id)
        now = self._clock.now()
        today = now.astimezone(zone).date()
        monthly = range in (Range.THIS_YEAR, Range.ALL_TIME)
        starts = _starts(range, today)
        since = max(day_start(starts[-1], zone), EPOCH)
        times = by_day(await self._spans(guild_id, member_id, since, now), zone)
        spans: list[Span] = []
        end = today + _DAY
        for first in starts:
            spans.append(Span(first, list(_steps(first, end, times, monthly))))
            end = first
        return Periods(monthly, spans, zone)

    async def _spans(
        self, guild_id: int, member_id: int, since: datetime, until: datetime
    ) -> list[VoiceSpan]:
        return await self._repository.voice_sessions.spans(
            guild_id=guild_id, user_id=member_id, since=since, until=until, now=until
        )


def by_day(spans: Iterable[VoiceSpan], zone: ZoneInfo) -> dict[date, timedelta]:
    """The time on each local day; days of 23 and 25 hours are whole."""
    times: defaultdict[date, timedelta] = defaultdict(timedelta)
    for local, time in _pieces(spans, zone):
        times[local.date()] += time
    return dict(times)


def by_hour_of_week(spans: Iterable[VoiceSpan], zone: ZoneInfo) -> list[timedelta]:
    """The time in each hour that a local clock shows, from Monday's first on; an hour that it
    shows twice has both."""
    times = [timedelta()] * 168
    for local, time in _pieces(spans, zone):
        times[local.weekday() * 24 + local.hour] += time
    return times


def _pieces(spans: Iterable[VoiceSpan], zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta]]:
    """The spans cut at every full hour of the local clock: when each begins there, and its length.

    Where the offset changes the cut is made at quarters: no zone has changed at another moment
    since Discord began.
    """
    for span in spans:
        at = span.started_at
        while at < span.ended_at:
            local = at.astimezone(zone)
            past = timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            end = at + _HOUR - past
            if end.astimezone(zone).utcoffset() != local.utcoffset():
                end = min(end, at + _QUARTER - (at - datetime.min.replace(tzinfo=UTC)) % _QUARTER)
            end = min(end, span.ended_at)
            yield local, end - at
            at = end


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

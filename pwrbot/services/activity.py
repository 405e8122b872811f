"""Time in voice by local day and by hour of the week, of a guild or of one member.

A guild's comes from its quarters of an hour, of which there are 35,000 a year however many sessions
there were; a member's from the member's own sessions. Both are exact to the microsecond in any
zone: where a day or an hour of the zone does not begin on a quarter of an hour of UTC, as some did
before 1972, the piece in question is looked up by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.clock import Clock
from pwrbot.entities import VoiceHour
from pwrbot.repository import Repository
from pwrbot.services.cover import day_digits
from pwrbot.services.ranges import Range, bounds, day_starts
from pwrbot.services.settings import SettingsService

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_QUARTER: Final = timedelta(minutes=15)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_ZERO: Final = timedelta()
_ATTEMPTS: Final = 5
"""To read what is open and what has ended without anything ending in between: a tenth of a second,
of the twenty or so between two leaves of a big server."""
_LONGEST: Final = 370 * _DAY
"""How far back days are shown: a year's heat map and a little more."""


class DayTime(msgspec.Struct, frozen=True, gc=False):
    """The time spent on one day of a zone; a day may have 23 or 25 hours."""

    day: date
    total: timedelta


class Activity(msgspec.Struct, frozen=True):
    """Time by day and by hour of the week within [since, until), in the zone's own days."""

    days: tuple[DayTime, ...]
    """Every day from the first to the last, those without any time too."""
    week: tuple[tuple[timedelta, ...], ...]
    """Seven days from Monday on, 24 hours each, as the zone's clocks show them."""
    since: datetime
    until: datetime
    zone: ZoneInfo

    @property
    def total(self) -> timedelta:
        return sum((day.total for day in self.days), _ZERO)


class VoiceActivity:
    """When a guild, or one of its members, spends time in voice. All of it raises DatabaseError."""

    def __init__(self, repository: Repository, clock: Clock, settings: SettingsService) -> None:
        self._repository = repository
        self._clock = clock
        self._settings = settings

    async def now(self, guild_id: int) -> tuple[datetime, ZoneInfo]:
        """Now, in UTC, and the guild's zone."""
        return self._clock.now(), await self._settings.zone(guild_id)

    async def of_range(
        self, guild_id: int, chosen: Range, member_id: int | None = None
    ) -> Activity:
        """Within a range that ends now, at most the last 370 days of it."""
        zone = await self._settings.zone(guild_id)
        since, until = bounds(chosen, self._clock.now(), zone)
        since = max(since, until - _LONGEST)
        return await self.between(guild_id, since, until, zone, member_id)

    async def between(
        self,
        guild_id: int,
        since: datetime,
        until: datetime,
        zone: ZoneInfo,
        member_id: int | None = None,
    ) -> Activity:
        """Within [since, until); nothing after now."""
        window = self._past(since, until, zone)
        if member_id is None:
            return (await self._of_guild(guild_id, window, self._add_hours)).done()
        return (await self._of_member(guild_id, window, member_id)).done()

    async def days(
        self,
        guild_id: int,
        since: datetime,
        until: datetime,
        zone: ZoneInfo,
        member_id: int | None = None,
    ) -> tuple[DayTime, ...]:
        """The days of ``between`` alone: of a guild the database adds each day up."""
        window = self._past(since, until, zone)
        if member_id is None:
            return (await self._of_guild(guild_id, window, self._add_days)).days()
        return (await self._of_member(guild_id, window, member_id)).days()

    def _past(self, since: datetime, until: datetime, zone: ZoneInfo) -> _Window:
        until = min(until, self._clock.now()).astimezone(UTC)
        return _Window(min(since.astimezone(UTC), until), until, zone)

    async def _of_member(self, guild_id: int, window: _Window, member_id: int) -> _Sums:
        sums = _Sums(window)
        spans = await self._repository.voice_sessions.spans(
            guild_id=guild_id,
            user_id=member_id,
            since=window.since,
            until=window.until,
            now=window.until,
        )
        for span in spans:
            sums.add_span(span.started_at, span.ended_at)
        return sums

    async def _of_guild(self, guild_id: int, window: _Window, add_ended: _AddEnded) -> _Sums:
        """What ended is whole quarters from the roll-up, by ``add_ended``; the rest, as a rule the
        quarter under way, is looked up by itself.
        """
        first, last = _up(window.since, _QUARTER), _down(window.until, _QUARTER)
        running = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
        for _ in range(_ATTEMPTS):
            sums = _Sums(window)
            for session in running:
                sums.add_span(max(session.joined_at, window.since), window.until)
            if first >= last:
                await self._look_up(guild_id, sums, window.since, window.until)
            else:
                await self._look_up(guild_id, sums, window.since, first)
                await self._look_up(guild_id, sums, last, window.until)
                await add_ended(guild_id, sums, first, last)
            before = set(running)
            running = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
            if before.issubset(running):
                break  # else what ended meanwhile may be in both
        return sums

    async def _add_hours(self, guild_id: int, sums: _Sums, first: datetime, last: datetime) -> None:
        rows = await self._repository.voice_hours.between(
            guild_id=guild_id, first_hour=_digits(first), last_hour=_digits(last)
        )
        for begin, end in sums.add_hours(rows, first, last):
            await self._look_up(guild_id, sums, begin, end)

    async def _add_days(self, guild_id: int, sums: _Sums, first: datetime, last: datetime) -> None:
        cuts = sums.cuts(first, last)
        if any(_down(cut, _QUARTER) != cut for cut in cuts):
            await self._add_hours(guild_id, sums, first, last)
            return
        whole = [
            (begin, end)
            for cut, following in pairwise(cuts)
            if (begin := _up(cut, _HOUR)) < (end := _down(following, _HOUR))
        ]
        hours = self._repository.voice_hours
        if whole:
            totals = await hours.totals(
                guild_id=guild_id,
                first_hours=[_digits(begin) for begin, _ in whole],
                last_hours=[_digits(end - _HOUR) for _, end in whole],
            )
            for row in totals:
                sums.add_to_day(whole[row.number][0], row.total or _ZERO)
        if shared := {_digits(cut) for cut in cuts if cut.minute}:
            for hour in await hours.at(guild_id=guild_id, hours=sorted(shared)):
                sums.add_quarters(hour, first, last)

    async def _look_up(self, guild_id: int, sums: _Sums, begin: datetime, end: datetime) -> None:
        for piece in pieces(begin, end, sums.zone):
            total = await self._repository.voice_segments.together(
                guild_id=guild_id,
                days=[_digits(piece.begin) // 100],
                since=piece.begin,
                until=piece.end,
            )
            sums.add(piece, total or _ZERO)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time within one hour of a zone's clocks and one hour of UTC."""

    begin: datetime
    end: datetime
    weekday: int
    """0 is Monday."""
    hour: int


def pieces(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Piece]:
    """[begin, end) in UTC, cut wherever the hour shown by the zone's clocks or UTC's changes."""
    while begin < end:
        local = begin.astimezone(zone)
        shown = timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        past = timedelta(minutes=begin.minute, seconds=begin.second, microseconds=begin.microsecond)
        cut = min(begin + _HOUR - max(shown, past), end)
        offset = local.utcoffset()
        if cut.astimezone(zone).utcoffset() != offset:
            cut = min(cut, _change(begin, cut, zone))
        yield Piece(begin, cut, local.weekday(), local.hour)
        begin = cut


def _change(begin: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks change between two moments; whole seconds, as all of them are."""
    offset = begin.astimezone(zone).utcoffset()
    low, high = begin.replace(microsecond=0), end
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            middle = low + _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


class _Window(msgspec.Struct, frozen=True):
    """[since, until) in UTC, in the days of a zone."""

    since: datetime
    until: datetime
    zone: ZoneInfo


class _Sums:
    """The time of each day of a range and of each hour of the week."""

    def __init__(self, window: _Window) -> None:
        self.since, self.until, self.zone = window.since, window.until, window.zone
        # A day either side: where a clock is set back at midnight, a moment's date is not always
        # the day that it belongs to.
        first = self.since.astimezone(self.zone).date() - _DAY
        last = self.until.astimezone(self.zone).date() + _DAY
        self._first = first
        self._starts = day_starts(first, last, self.zone)
        self._days = [_ZERO] * len(self._starts)
        self._week = [[_ZERO] * 24 for _ in range(7)]

    def add(self, piece: Piece, total: timedelta) -> None:
        """``total`` spent within a piece. No day begins within an hour that clocks show."""
        if total:
            self._add(piece.begin, piece.weekday, piece.hour, total)

    def _add(self, begin: datetime, weekday: int, hour: int, total: timedelta) -> None:
        self.add_to_day(begin, total)
        self._week[weekday][hour] += total

    def add_to_day(self, begin: datetime, total: timedelta) -> None:
        """To the day that a moment belongs to."""
        self._days[bisect_right(self._starts, begin) - 1] += total

    def cuts(self, first: datetime, last: datetime) -> list[datetime]:
        """The first, where each day between the two begins, and the last."""
        return [first, *(start for start in self._starts if first < start < last), last]

    def add_quarters(self, row: VoiceHour, first: datetime, last: datetime) -> None:
        """To their days, those within [first, last); no day begins within a quarter."""
        hour = _moment(row.hour)
        for number, total in enumerate(_quarters(row)):
            begin = hour + number * _QUARTER
            if first <= begin < last:
                self.add_to_day(begin, total)

    def add_span(self, begin: datetime, end: datetime) -> None:
        for piece in pieces(begin, end, self.zone):
            self.add(piece, piece.end - piece.begin)

    def add_hours(
        self, rows: list[VoiceHour], first: datetime, last: datetime
    ) -> Iterator[tuple[datetime, datetime]]:
        """Add the whole quarters within [first, last); gives those cut by an hour of the zone."""
        end, local_end = first, first.astimezone(self.zone)
        for row in rows:
            hour = _moment(row.hour)
            # As a rule this hour begins where the last one ended.
            local = local_end if hour == end else hour.astimezone(self.zone)
            end = hour + _HOUR
            local_end = end.astimezone(self.zone)
            # An hour of the zone too, as nearly all are.
            whole = not (local.minute or local.second) and _same_offset(local, local_end)
            if whole and first <= hour and end <= last:
                total = row.quarter_1 + row.quarter_2 + row.quarter_3 + row.quarter_4
                self._add(hour, local.weekday(), local.hour, total)
                continue
            cuts = list(pieces(hour, end, self.zone))
            for number, total in enumerate(_quarters(row)):
                begin = hour + number * _QUARTER
                if not total or begin < first or begin + _QUARTER > last:
                    continue
                piece = next(piece for piece in cuts if piece.end > begin)
                if piece.end >= begin + _QUARTER:
                    self.add(piece, total)
                else:
                    yield begin, begin + _QUARTER

    def days(self) -> tuple[DayTime, ...]:
        if self.since >= self.until:
            return ()
        begin = bisect_right(self._starts, self.since) - 1
        end = bisect_right(self._starts, self.until - timedelta(microseconds=1))
        return tuple(
            DayTime(self._first + number * _DAY, self._days[number]) for number in range(begin, end)
        )

    def done(self) -> Activity:
        week = tuple(tuple(hours) for hours in self._week)
        return Activity(self.days(), week, self.since, self.until, self.zone)


_AddEnded = Callable[[int, _Sums, datetime, datetime], Awaitable[None]]
"""Adds what a guild's ended sessions have within whole quarters, from the one to the other."""


def _same_offset(one: datetime, other: datetime) -> bool:
    return one.utcoffset() == other.utcoffset()


def _down(moment: datetime, step: timedelta) -> datetime:
    """To whole quarters or hours of UTC."""
    minutes = step // _MINUTE
    return moment.replace(minute=moment.minute // minutes * minutes, second=0, microsecond=0)


def _up(moment: datetime, step: timedelta) -> datetime:
    down = _down(moment, step)
    return down if down == moment else down + step


def _quarters(row: VoiceHour) -> tuple[timedelta, ...]:
    return row.quarter_1, row.quarter_2, row.quarter_3, row.quarter_4


def _digits(moment: datetime) -> int:
    """The hour a moment is in, as the roll-up writes it."""
    return day_digits(moment) * 100 + moment.hour


def _moment(digits: int) -> datetime:
    day, hour = divmod(digits, 100)
    return datetime(day // 10000, day // 100 % 100, day % 100, hour, tzinfo=UTC)

"""Time in voice by local day and by hour of the week, of a guild or of one member.

A guild's comes from its quarters of an hour, of which there are 35,000 a year however many sessions
there were; a member's from the member's own sessions. Both are exact to the microsecond in any
zone: where a day or an hour of the zone does not begin on a quarter of an hour of UTC, as some did
before 1972, the piece in question is looked up by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.clock import Clock
from pwrbot.entities import VoiceHour
from pwrbot.repository import Repository
from pwrbot.services.ranges import Range, bounds, day_starts
from pwrbot.services.settings import SettingsService

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_QUARTER: Final = timedelta(minutes=15)
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
        until = min(until, self._clock.now()).astimezone(UTC)
        since = min(since.astimezone(UTC), until)
        if member_id is not None:
            sums = _Sums(since, until, zone)
            spans = await self._repository.voice_sessions.spans(
                guild_id=guild_id, user_id=member_id, since=since, until=until, now=until
            )
            for span in spans:
                sums.add_span(span.started_at, span.ended_at)
            return sums.done()
        running = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
        for _ in range(_ATTEMPTS):
            sums = _Sums(since, until, zone)
            for session in running:
                sums.add_span(max(session.joined_at, since), until)
            await self._add_ended(guild_id, sums)
            before = set(running)
            running = await self._repository.open_voice_sessions.in_guild(guild_id=guild_id)
            if before.issubset(running):
                break  # else what ended meanwhile may be in both
        return sums.done()

    async def _add_ended(self, guild_id: int, sums: _Sums) -> None:
        """Whole quarters from the roll-up; the rest, as a rule the quarter under way, by itself."""
        first, last = _quarter_from(sums.since), _quarter_up_to(sums.until)
        if first >= last:
            await self._look_up(guild_id, sums, sums.since, sums.until)
            return
        await self._look_up(guild_id, sums, sums.since, first)
        await self._look_up(guild_id, sums, last, sums.until)
        rows = await self._repository.voice_hours.between(
            guild_id=guild_id, first_hour=_digits(first), last_hour=_digits(last)
        )
        for begin, end in sums.add_hours(rows, first, last):
            await self._look_up(guild_id, sums, begin, end)

    async def _look_up(self, guild_id: int, sums: _Sums, begin: datetime, end: datetime) -> None:
        for piece in pieces(begin, end, sums.zone):
            total = await self._repository.voice_segments.together(
                guild_id=guild_id,
                days=[piece.begin.year * 10000 + piece.begin.month * 100 + piece.begin.day],
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


class _Sums:
    """The time of each day of a range and of each hour of the week."""

    def __init__(self, since: datetime, until: datetime, zone: ZoneInfo) -> None:
        self.since, self.until, self.zone = since, until, zone
        # A day either side: where a clock is set back at midnight, a moment's date is not always
        # the day that it belongs to.
        first = since.astimezone(zone).date() - _DAY
        last = until.astimezone(zone).date() + _DAY
        self._first = first
        self._starts = day_starts(first, last, zone)
        self._days = [_ZERO] * len(self._starts)
        self._week = [[_ZERO] * 24 for _ in range(7)]

    def add(self, piece: Piece, total: timedelta) -> None:
        """``total`` spent within a piece. No day begins within an hour that clocks show."""
        if total:
            self._add(piece.begin, piece.weekday, piece.hour, total)

    def _add(self, begin: datetime, weekday: int, hour: int, total: timedelta) -> None:
        self._days[bisect_right(self._starts, begin) - 1] += total
        self._week[weekday][hour] += total

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
            quarters = (row.quarter_1, row.quarter_2, row.quarter_3, row.quarter_4)
            for number, total in enumerate(quarters):
                begin = hour + number * _QUARTER
                if not total or begin < first or begin + _QUARTER > last:
                    continue
                piece = next(piece for piece in cuts if piece.end > begin)
                if piece.end >= begin + _QUARTER:
                    self.add(piece, total)
                else:
                    yield begin, begin + _QUARTER

    def done(self) -> Activity:
        days: list[DayTime] = []
        if self.since < self.until:
            begin = bisect_right(self._starts, self.since) - 1
            end = bisect_right(self._starts, self.until - timedelta(microseconds=1))
            days = [
                DayTime(self._first + number * _DAY, self._days[number])
                for number in range(begin, end)
            ]
        week = tuple(tuple(hours) for hours in self._week)
        return Activity(tuple(days), week, self.since, self.until, self.zone)


def _same_offset(one: datetime, other: datetime) -> bool:
    return one.utcoffset() == other.utcoffset()


def _quarter_up_to(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _quarter_from(moment: datetime) -> datetime:
    down = _quarter_up_to(moment)
    return down if down == moment else down + _QUARTER


def _digits(moment: datetime) -> int:
    """The hour a moment is in, as the roll-up writes it."""
    day = moment.year * 10000 + moment.month * 100 + moment.day
    return day * 100 + moment.hour


def _moment(digits: int) -> datetime:
    day, hour = divmod(digits, 100)
    return datetime(day // 10000, day // 100 % 100, day % 100, hour, tzinfo=UTC)

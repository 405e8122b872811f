"""A range of time as the roll-ups hold it: whole periods to add or take away, and ragged ends.

Periods are days, months and years of UTC and all time, written as their digits: 20240229, 202402,
2024 and 0 (sql/migrations/*/0005.voice_rollups.sql). A range in any zone is whole days of UTC and
at most two days of which it holds a part. The whole days are put together from as few rows as it
takes, also by taking from a larger period what lies outside: this year up to yesterday is the
year without today and without what, as a rule, there is nothing in yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

_DAY: Final = timedelta(days=1)
FIRST_YEAR: Final = 100
"""Of what is added up: before it a year's digits could be those of a month."""
_LAST_YEAR: Final = 9999
_OLDEST_YEAR: Final = 2015
"""Discord's first: what lies before it is empty, as a rule."""
_WEIGHTS: Final = {"day": 1, "month": 4, "year": 8}
"""What reading a period costs: a month has more members than a day, not thirty times as many."""
_AHEAD: Final = 0.01  # of a period that has not begun at the end of the range: it is empty


class Cover(msgspec.Struct, frozen=True):
    """A range [since, until) for the queries of the roll-ups; fields are their parameters."""

    since: datetime
    until: datetime
    added: list[int]
    """Periods that lie in the range."""
    taken: list[int]
    """Periods that lie in an added one, but not in the range."""
    first_year: int
    last_year: int
    """Where all time was added: the years before the one and after the other are taken too."""
    edges: list[int]
    """Days of which the range holds a part."""


class Months(msgspec.Struct, frozen=True):
    """A range [since, until) where months are the largest period; fields are parameters too."""

    since: datetime
    until: datetime
    first_month: int
    last_month: int
    """All months between the two, both included, lie in the range; none where the last is less."""
    days: list[int]
    """Whole days beside these months."""
    edges: list[int]
    """Days of which the range holds a part."""


def cover(since: datetime, until: datetime) -> Cover:
    """How to put [since, until) together; nothing where it is empty. Aware datetimes."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    first, last, edges = _split(since, until)
    if first > last:
        return Cover(since, until, [], [], 0, _LAST_YEAR, edges)
    return _whole(since, until, first, last, edges)


def months(since: datetime, until: datetime) -> Months:
    """The same for what is kept by day and month only."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    first, last, edges = _split(since, until)
    days: list[int] = []
    while first <= last and first.day > 1:
        days.append(day_digits(first))
        first += _DAY
    end = _next(last)
    while first < end and end.day > 1:
        end -= _DAY
        days.append(day_digits(end))
    if first >= end:
        return Months(since, until, 1, 0, days, edges)
    return Months(
        since, until, day_digits(first) // 100, day_digits(end - _DAY) // 100, days, edges
    )


def day_digits(day: date) -> int:
    """A day as the roll-ups write it: 20240229; that of a moment in its own zone."""
    return day.year * 10000 + day.month * 100 + day.day


def _split(since: datetime, until: datetime) -> tuple[date, date, list[int]]:
    """The first and the last whole day of a range, and the days of which it holds a part.

    The first is after the last where there is none.
    """
    none = date.max, date.min
    if since >= until:
        return *none, []
    first, last = since.date(), until.date()
    edges: list[int] = []
    if since > _midnight(first):
        edges.append(day_digits(first))
        first = _next(first)
    if until > _midnight(last) and (not edges or edges[0] != day_digits(last)):
        edges.append(day_digits(last))
    if first >= last:
        return *none, edges
    return max(first, date(FIRST_YEAR, 1, 1)), last - _DAY, edges


def _whole(since: datetime, until: datetime, first: date, last: date, edges: list[int]) -> Cover:
    """With the whole days from first to last, both included."""
    sums = _Sums(today=until.date())
    low, high = first.year, last.year
    years = [_year(year, first, last, sums.today) for year in range(low, high + 1)]
    one_by_one = sum(part.cost for part in years)
    outside = [_outside(year, first, last, sums.today) for year in {low, high}]
    before = max(0, low - _OLDEST_YEAR)
    if one_by_one <= _WEIGHTS["year"] * (1 + before) + sum(part.cost for part in outside):
        for part in years:
            sums.take_up(part, 1)
        return Cover(since, until, sums.added, sums.taken, 0, _LAST_YEAR, edges)
    sums.added.append(0)
    for part in outside:
        sums.take_up(part, -1)
    return Cover(since, until, sums.added, sums.taken, low, high, edges)


class _Part(msgspec.Struct, frozen=True):
    """Days put together from periods; those of ``taken`` are too much in ``added``."""

    cost: float
    added: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()

    def __add__(self, other: _Part) -> _Part:
        return _Part(self.cost + other.cost, self.added + other.added, self.taken + other.taken)

    def __neg__(self) -> _Part:
        return _Part(self.cost, self.taken, self.added)


_NOTHING: Final = _Part(0)


class _Sums:
    def __init__(self, today: date) -> None:
        self.today = today
        self.added: list[int] = []
        self.taken: list[int] = []

    def take_up(self, part: _Part, sign: int) -> None:
        part = part if sign > 0 else -part
        self.added += part.added
        self.taken += part.taken


def _year(year: int, first: date, last: date, today: date) -> _Part:
    """The days of a year from first to last; the cheaper of adding months and taking them away."""
    begin, end = date(year, 1, 1), date(year, 12, 31)
    first, last = max(first, begin), min(last, end)
    if first > last:
        return _NOTHING
    whole = _period(year, begin, "year", today)
    if (first, last) == (begin, end):
        return whole
    months = _NOTHING
    for number in range(first.month, last.month + 1):
        months += _month(year, number, first, last, today)
    rest = whole + -_outside(year, first, last, today)
    return months if months.cost <= rest.cost else rest


def _outside(year: int, first: date, last: date, today: date) -> _Part:
    """The days of a year that lie before first or after last."""
    part = _NOTHING
    for number in range(1, 13):
        begin, end = _month_bounds(year, number)
        if end < first or begin > last:
            part += _period(year * 100 + number, begin, "month", today)
            continue
        for low, high in ((begin, first - _DAY), (_next(last), end)):
            if low <= high and low >= begin and high <= end:
                part += _month(year, number, low, high, today)
    return part


def _month(year: int, number: int, first: date, last: date, today: date) -> _Part:
    """The days of a month from first to last; the cheaper of adding and taking away."""
    begin, end = _month_bounds(year, number)
    first, last = max(first, begin), min(last, end)
    if first > last:
        return _NOTHING
    whole = _period(year * 100 + number, begin, "month", today)
    if (first, last) == (begin, end):
        return whole
    inside, outside = _NOTHING, _NOTHING
    for day in _days(begin, end):
        one = _period(day_digits(day), day, "day", today)
        if first <= day <= last:
            inside += one
        else:
            outside += one
    rest = whole + -outside
    return inside if inside.cost <= rest.cost else rest


def _period(period: int, begin: date, unit: str, today: date) -> _Part:
    return _Part(_WEIGHTS[unit] if begin <= today else _AHEAD, added=(period,))


def _month_bounds(year: int, number: int) -> tuple[date, date]:
    begin = date(year, number, 1)
    if (year, number) == (_LAST_YEAR, 12):
        return begin, date.max
    return begin, date(year + number // 12, number % 12 + 1, 1) - _DAY


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _next(day: date) -> date:
    return day if day == date.max else day + _DAY


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

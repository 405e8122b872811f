"""A range put together from periods is that range: nothing missing, nothing twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.services.cover import Cover, Months, cover, months

DAY = timedelta(days=1)
SOME_YEARS = (datetime(2013, 11, 1, tzinfo=UTC), datetime(2030, 2, 20, tzinfo=UTC))


def days_of(made: Cover, low: date, high: date) -> Counter[date]:
    """How often each day from low to high is counted, by the digits of each period."""
    counted: Counter[date] = Counter()
    day = low
    while day <= high:
        digits = {day.year * 10000 + day.month * 100 + day.day, day.year * 100 + day.month}
        digits |= {day.year, 0}
        counted[day] = sum(period in digits for period in made.added)
        counted[day] -= sum(period in digits for period in made.taken)
        counted[day] -= day.year < made.first_year or day.year > made.last_year
        day += DAY
    return counted


def days_by_months(made: Months, low: date, high: date) -> Counter[date]:
    """The same of what is put together from months and days."""
    counted: Counter[date] = Counter()
    day = low
    while day <= high:
        counted[day] = made.first_month <= day.year * 100 + day.month <= made.last_month
        counted[day] += made.days.count(day.year * 10000 + day.month * 100 + day.day)
        day += DAY
    return counted


@given(
    st.datetimes(*(moment.replace(tzinfo=None) for moment in SOME_YEARS)),
    st.one_of(st.timedeltas(timedelta(), timedelta(days=70)), st.timedeltas(-DAY, 4000 * DAY)),
    st.booleans(),
)
def test_every_whole_day_once(since: datetime, length: timedelta, at_midnight: bool) -> None:
    since = since.replace(tzinfo=UTC)
    if at_midnight:
        since = since.replace(hour=0, minute=0, second=0, microsecond=0)
    until = min(since + length, SOME_YEARS[1])
    made, by_months = cover(since, until), months(since, until)

    low, high = SOME_YEARS[0].date() - 400 * DAY, SOME_YEARS[1].date() + 400 * DAY
    edges = {date(day // 10000, day // 100 % 100, day % 100) for day in made.edges}
    in_months = days_by_months(by_months, low, high)
    for day, times in days_of(made, low, high).items():
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        held = min(until, begin + DAY) - max(since, begin)
        assert times == in_months[day] == (held == DAY), day
        assert (day in edges) == (timedelta() < held < DAY), day
    assert by_months.edges == made.edges


def test_this_year_is_the_year_less_today_and_what_is_empty() -> None:
    made = cover(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 14, tzinfo=UTC))

    assert made.added == [2026]
    assert set(made.taken) == {*range(20261121, 20261131), 202612}
    assert made.edges == [20261121]
    assert (made.first_year, made.last_year) == (0, 9999)


def test_months_and_the_days_beside_them() -> None:
    made = months(datetime(2026, 1, 30, 9, tzinfo=UTC), datetime(2026, 4, 2, 14, tzinfo=UTC))

    assert (made.first_month, made.last_month) == (202602, 202603)
    assert made.days == [20260131, 20260401]
    assert made.edges == [20260130, 20260402]


def test_all_time_is_all_but_today_and_the_future() -> None:
    made = cover(datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 14, tzinfo=UTC))

    assert made.added == [0]
    assert set(made.taken) == {*range(20261121, 20261131), 202612}
    assert (made.first_year, made.last_year) == (1970, 2026)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
        (datetime(9999, 12, 31, 12, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        (datetime(9999, 12, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        (datetime(50, 1, 1, tzinfo=UTC), datetime(100, 1, 2, tzinfo=UTC)),
    ],
)
def test_the_ends_of_time(since: datetime, until: datetime) -> None:
    made, by_months = cover(since, until), months(since, until)
    assert all(1000101 <= day <= 99991231 for day in by_months.days)
    assert by_months.first_month > by_months.last_month or by_months.first_month >= 10001
    assert all(period == 0 or 100 <= period <= 99991231 for period in made.added + made.taken)

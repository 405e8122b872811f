"""Ranges in a server's zone, also on the days that clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from pwrbot.services.ranges import (
    EPOCH,
    Range,
    UnknownTimezone,
    bounds,
    day_start,
    day_starts,
    timezones_like,
    zone,
)

NOW = datetime(2026, 11, 21, 9, 30, 15, 123456, tzinfo=UTC)


def test_the_choices() -> None:
    assert [(each.value, each.label) for each in Range] == [
        ("today", "Today"),
        ("past_24_hours", "Past 24 hours"),
        ("past_72_hours", "Past 72 hours"),
        ("past_7_days", "Past 7 days"),
        ("past_14_days", "Past 14 days"),
        ("this_month", "This month"),
        ("this_year", "This year"),
        ("all_time", "All time"),
    ]


@pytest.mark.parametrize(
    ("chosen", "since"),
    [
        (Range.TODAY, datetime(2026, 11, 20, 15, tzinfo=UTC)),
        (Range.PAST_24_HOURS, NOW - timedelta(hours=24)),
        (Range.PAST_72_HOURS, NOW - timedelta(hours=72)),
        (Range.PAST_7_DAYS, NOW - timedelta(days=7)),
        (Range.PAST_14_DAYS, NOW - timedelta(days=14)),
        (Range.THIS_MONTH, datetime(2026, 10, 31, 15, tzinfo=UTC)),
        (Range.THIS_YEAR, datetime(2025, 12, 31, 15, tzinfo=UTC)),
        (Range.ALL_TIME, EPOCH),
    ],
)
def test_bounds_in_tokyo(chosen: Range, since: datetime) -> None:
    assert bounds(chosen, NOW, zone("Asia/Tokyo")) == (since, NOW)


def test_bounds_are_utc_whatever_now_is_in() -> None:
    since, until = bounds(Range.TODAY, NOW.astimezone(zone("Asia/Tokyo")), zone("Asia/Tokyo"))
    assert since.tzinfo is UTC
    assert until.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "day", "starts", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        # No midnight: the clock goes from 23:59 to 1:00.
        ("America/Santiago", date(2023, 9, 3), datetime(2023, 9, 3, 4, tzinfo=UTC), 23),
        ("Asia/Beirut", date(2023, 3, 26), datetime(2023, 3, 25, 22, tzinfo=UTC), 23),
        # Midnight twice: the clock goes from 0:59 back to 0:00.
        ("America/Havana", date(2023, 11, 5), datetime(2023, 11, 5, 4, tzinfo=UTC), 25),
        # The clock goes from 0:00 back to 23:00 of the day before.
        ("America/Santiago", date(2023, 4, 2), datetime(2023, 4, 2, 4, tzinfo=UTC), 24),
        ("America/Santiago", date(2023, 4, 1), datetime(2023, 4, 1, 3, tzinfo=UTC), 25),
        # A change of half an hour.
        ("Australia/Lord_Howe", date(2026, 10, 4), datetime(2026, 10, 3, 13, 30, tzinfo=UTC), 23.5),
        # From 23:30 to 0:30: the day begins half an hour in.
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC), 23.5),
        # A day that never was.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC), 0),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC), 24),
    ],
)
def test_days_that_are_not_24_hours(name: str, day: date, starts: datetime, hours: float) -> None:
    assert day_start(day, zone(name)) == starts
    assert day_start(day + timedelta(days=1), zone(name)) - starts == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["America/Santiago", "Asia/Beirut", "Africa/Cairo", "America/Asuncion", "Asia/Gaza"]
)
def test_a_day_starts_at_its_first_moment(name: str) -> None:
    where = zone(name)
    first = date(2021, 1, 1)
    starts = day_starts(first, date(2024, 12, 31), where)
    assert len(starts) == 4 * 365 + 1
    for number, start in enumerate(starts):
        day = first + timedelta(days=number)
        assert start.astimezone(where).date() == day
        assert (start - timedelta(microseconds=1)).astimezone(where).date() < day
    assert all(earlier < later for earlier, later in pairwise(starts))


def test_a_zone_in_any_case() -> None:
    assert zone(" europe/paris ").key == "Europe/Paris"
    assert zone("America/New York").key == "America/New_York"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("Berlin", "Europe/Berlin"),
        ("Europe/Pariss", "Europe/Paris"),
        ("Jakrta", "Asia/Jakarta"),
        ("new york", "America/New_York"),
        ("../../etc/passwd", "Europe/Paris"),
        ("", "Europe/Paris"),
        ("x" * 5000, "Europe/Paris"),
    ],
)
def test_an_unknown_zone_says_what_may_be_meant(wrong: str, near: str) -> None:
    with pytest.raises(UnknownTimezone, match=near) as raised:
        zone(wrong)
    assert len(str(raised.value)) < 300


def test_zones_offered_while_typing() -> None:
    assert timezones_like("")[0] == "UTC"
    assert timezones_like("berl") == ["Europe/Berlin"]
    assert timezones_like("New Y") == ["America/New_York"]
    assert timezones_like("nowhere at all") == []
    assert len(timezones_like("a")) == 25
    assert all(zone(name).key == name for name in timezones_like(""))

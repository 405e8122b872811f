"""When a member is in voice, on both engines and in odd zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.clock import ManualClock
from pwrbot.entities import VoiceSession, VoiceSpan
from pwrbot.repository import Repository
from pwrbot.services.activity import VoiceActivity, by_day, by_hour_of_week
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from tests.live_bot import NOW

HOUR = timedelta(hours=1)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> VoiceSpan:
    return VoiceSpan(1, at(start), at(end))


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (date(2026, 3, 29), "2026-03-28T23:00", "2026-03-29T22:00", 23),
        (date(2026, 10, 25), "2026-10-24T22:00", "2026-10-25T23:00", 25),
    ],
)
def test_days_of_23_and_25_hours(day: date, start: str, end: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert by_day([span(start, end)], zone) == {day: hours * HOUR}
    week = by_hour_of_week([span(start, end)], zone)
    assert week[6 * 24 + 2] == (0 if hours == 23 else 2) * HOUR
    assert sum(week, timedelta()) == hours * HOUR


def test_half_an_hour_put_forward() -> None:
    """Lord Howe's clocks go from 02:00 to 02:30."""
    week = by_hour_of_week(
        [span("2026-10-03T15:00", "2026-10-03T16:00")], ZoneInfo("Australia/Lord_Howe")
    )
    assert week[6 * 24 + 1] == HOUR / 2
    assert week[6 * 24 + 2] == HOUR / 2


@given(
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(0), timedelta(days=5_000)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
)
def test_nothing_is_lost_or_added(name: str, since: timedelta, length: timedelta) -> None:
    started = datetime(2016, 1, 1, tzinfo=UTC) + since
    spans, zone = [VoiceSpan(1, started, started + length)], ZoneInfo(name)
    days = by_day(spans, zone)
    assert sum(days.values(), timedelta()) == length
    assert all(time <= 25 * HOUR for time in days.values())
    assert sum(by_hour_of_week(spans, zone), timedelta()) == length


async def test_a_member_s_activity(repository: Repository) -> None:
    clock = ManualClock(NOW)  # Wednesday, 18 March 2026, 12:00
    activity = VoiceActivity(repository, clock, SettingsService(repository, clock))
    for start, end in (
        ("2026-03-18T11:30", "2026-03-18T11:45"),
        ("2026-03-17T23:00", "2026-03-18T01:00"),
        ("2026-02-10T10:00", "2026-02-10T14:00"),
        ("2025-03-18T10:00", "2025-03-18T14:00"),
    ):
        await repository.voice_sessions.insert(VoiceSession(1, 7, at(start), 3, at(end)))
    await repository.voice_sessions.insert(VoiceSession(1, 8, at("2026-03-18T09:00"), 3, NOW))

    days = await activity.days(1, 7)
    assert (days.first, days.last) == (date(2025, 3, 19), date(2026, 3, 18))
    assert days.times == {
        date(2026, 3, 18): 1.25 * HOUR,
        date(2026, 3, 17): HOUR,
        date(2026, 2, 10): 4 * HOUR,
    }
    hours = await activity.hours(1, 7, Range.THIS_MONTH)
    assert {n: time for n, time in enumerate(hours.times) if time} == {
        24 + 23: HOUR,
        48: HOUR,
        48 + 11: HOUR / 4,
    }
    month = await activity.periods(1, 7, Range.THIS_MONTH)
    assert [(each.first, len(each.times)) for each in month.spans] == [
        (date(2026, 3, 1), 18),
        (date(2026, 2, 1), 28),
        (date(2026, 1, 1), 31),
    ]
    assert month.spans[0].times[-1] == 1.25 * HOUR
    assert month.spans[1].times[9] == 4 * HOUR
    years = await activity.periods(1, 7, Range.ALL_TIME)
    assert years.spans[0].times == [timedelta(), 4 * HOUR, 2.25 * HOUR]
    assert [len(each.times) for each in years.spans] == [3, 12, 12]
    assert years.spans[1].times[2] == 4 * HOUR
    weeks = await activity.periods(1, 7, Range.TODAY)
    assert [each.first for each in weeks.spans] == [
        date(2026, 3, 12), date(2026, 3, 5), date(2026, 2, 26)
    ]  # fmt: skip
    fortnights = await activity.periods(1, 7, Range.PAST_14_DAYS)
    assert [len(each.times) for each in fortnights.spans] == [14, 14, 14]

"""What is drawn of a member's and a guild's time, on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pwrbot.clock import ManualClock
from pwrbot.entities import VoiceSession
from pwrbot.repository import Repository
from pwrbot.services.activity import VoiceActivity
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from pwrbot.services.voice_calendar import VoiceCalendar
from tests.live_bot import NOW

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_a_member_s_activity(repository: Repository) -> None:
    clock = ManualClock(NOW)  # Wednesday, 18 March 2026, 12:00
    settings = SettingsService(repository, clock)
    activity = VoiceCalendar(VoiceActivity(repository, clock, settings))
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
    hours = await activity.hours(1, Range.THIS_MONTH, 7)
    assert {n: time for n, time in enumerate(hours.times) if time} == {
        24 + 23: HOUR,
        48: HOUR,
        48 + 11: HOUR / 4,
    }
    month = await activity.periods(1, Range.THIS_MONTH, 7)
    assert [(each.first, len(each.times)) for each in month.spans] == [
        (date(2026, 3, 1), 18),
        (date(2026, 2, 1), 28),
        (date(2026, 1, 1), 31),
    ]
    assert month.spans[0].times[-1] == 1.25 * HOUR
    assert month.spans[1].times[9] == 4 * HOUR
    years = await activity.periods(1, Range.ALL_TIME, 7)
    assert years.spans[0].times == [timedelta(), 4 * HOUR, 2.25 * HOUR]
    assert [len(each.times) for each in years.spans] == [3, 12, 12]
    assert years.spans[1].times[2] == 4 * HOUR
    weeks = await activity.periods(1, Range.TODAY, 7)
    assert [each.first for each in weeks.spans] == [
        date(2026, 3, 12), date(2026, 3, 5), date(2026, 2, 26)
    ]  # fmt: skip
    fortnights = await activity.periods(1, Range.PAST_14_DAYS, 7)
    assert [len(each.times) for each in fortnights.spans] == [14, 14, 14]

    everybody = await activity.days(1)
    assert everybody.times == days.times | {date(2026, 3, 18): 4.25 * HOUR}

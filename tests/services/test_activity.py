"""When a guild and its members are in voice, on both engines and in odd zones."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.clock import ManualClock
from pwrbot.entities import OpenVoiceSession, Settings, VoiceSession
from pwrbot.repository import Repository
from pwrbot.services.activity import Activity, VoiceActivity, pieces
from pwrbot.services.settings import SettingsService

HOUR = timedelta(hours=1)
GUILD, MEMBER = 1, 7
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Monrovia",  # at -0:44:30 until 1972
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(0), timedelta(days=20_000)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
)
def test_pieces_lie_within_an_hour_of_the_clocks(
    name: str, since: timedelta, length: timedelta
) -> None:
    zone = ZoneInfo(name)
    begin = datetime(1968, 1, 1, tzinfo=UTC) + since
    cut = list(pieces(begin, begin + length, zone))
    assert cut[0].begin == begin
    assert cut[-1].end == begin + length
    assert all(one.end == other.begin for one, other in itertools.pairwise(cut))
    for piece in cut:
        last = (piece.end - timedelta(microseconds=1)).astimezone(zone)
        assert (last.weekday(), last.hour) == (piece.weekday, piece.hour)
        assert piece.begin.astimezone(zone).hour == piece.hour


async def both(
    repository: Repository, zone: str, since: datetime, until: datetime, *spans: tuple[str, str]
) -> Activity:
    """The activity of a member, and that of a guild in which there is no other: the same."""
    clock = ManualClock(until)
    settings = SettingsService(repository, clock)
    await settings.update(GUILD, lambda _: Settings(timezone=zone))
    await repository.voice_sessions.insert_many(
        [VoiceSession(GUILD, MEMBER, at(start), 3, at(end)) for start, end in spans]
    )
    activity = VoiceActivity(repository, clock, settings)
    guild = await activity.between(GUILD, since, until, ZoneInfo(zone))
    assert guild == await activity.between(GUILD, since, until, ZoneInfo(zone), MEMBER)
    for who in (None, MEMBER):
        assert await activity.days(GUILD, since, until, ZoneInfo(zone), who) == guild.days
    return guild


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (date(2026, 3, 29), "2026-03-28T23:00", "2026-03-29T22:00", 23),
        (date(2026, 10, 25), "2026-10-24T22:00", "2026-10-25T23:00", 25),
    ],
)
async def test_days_of_23_and_25_hours(
    repository: Repository, day: date, start: str, end: str, hours: int
) -> None:
    seen = await both(repository, "Europe/Berlin", at(start), at(end), (start, end))
    assert [(one.day, one.total) for one in seen.days] == [(day, hours * HOUR)]
    assert seen.week[6][2] == (0 if hours == 23 else 2) * HOUR
    assert sum((sum(day, timedelta()) for day in seen.week), timedelta()) == hours * HOUR


async def test_half_an_hour_put_forward(repository: Repository) -> None:
    """Lord Howe's clocks go from 02:00 to 02:30."""
    since, until = "2026-10-03T15:00", "2026-10-03T16:00"
    seen = await both(repository, "Australia/Lord_Howe", at(since), at(until), (since, until))
    assert seen.week[6][1] == HOUR / 2
    assert seen.week[6][2] == HOUR / 2


async def test_a_zone_that_was_off_by_seconds(repository: Repository) -> None:
    """Until 7 January 1972, 00:44:30 UTC, Monrovia's midnight was there, 44 minutes 30 late."""
    span = ("1972-01-05T00:40:00", "1972-01-05T00:50:00.000001")
    since, until = at("1972-01-01T00:00"), at("1972-01-09T00:00")
    seen = await both(repository, "Africa/Monrovia", since, until, span)
    times = {one.day: one.total for one in seen.days if one.total}
    assert times == {
        date(1972, 1, 4): timedelta(minutes=4, seconds=30),
        date(1972, 1, 5): timedelta(minutes=5, seconds=30, microseconds=1),
    }
    assert seen.week[1][23] == timedelta(minutes=4, seconds=30)


async def test_ragged_ends_and_open_sessions(repository: Repository) -> None:
    since, until = at("2026-05-05T10:07:11.000003"), at("2026-05-05T10:22:59.999999")
    span = ("2026-05-05T10:00", "2026-05-05T10:20:00.000001")
    seen = await both(repository, "UTC", since, until, span)
    assert seen.total == at(span[1]) - since
    await repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, MEMBER, 3, at(span[1])))
    assert (await both(repository, "UTC", since, until)).total == until - since
    nothing = await both(repository, "UTC", until, since)
    assert (nothing.days, nothing.total) == ((), timedelta())


async def test_a_session_that_ends_while_it_is_added_up_counts_once(
    repository: Repository,
) -> None:
    joined, left, until = at("2026-05-05T10:00"), at("2026-05-05T15:00"), at("2026-05-05T15:00")
    running = OpenVoiceSession(GUILD, MEMBER, 3, joined)
    await repository.open_voice_sessions.insert(running)
    in_guild, asked = repository.open_voice_sessions.in_guild, 0

    async def ends_after_it_was_read(*, guild_id: int) -> list[OpenVoiceSession]:
        nonlocal asked
        asked += 1
        found = await in_guild(guild_id=guild_id)
        if asked == 1:
            await repository.voice_sessions.insert(VoiceSession(GUILD, MEMBER, joined, 3, left))
            await repository.open_voice_sessions.remove(guild_ids=[GUILD], user_ids=[MEMBER])
        return found

    racing = SimpleNamespace(
        open_voice_sessions=SimpleNamespace(in_guild=ends_after_it_was_read),
        voice_segments=repository.voice_segments,
        voice_hours=repository.voice_hours,
    )
    clock = ManualClock(until)
    settings = SettingsService(repository, clock)
    activity = VoiceActivity(cast(Repository, racing), clock, settings)
    seen = await activity.between(GUILD, joined, until, ZoneInfo("UTC"))
    assert seen.total == left - joined
    assert asked == 3

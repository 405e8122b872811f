"""Sessions of odd lengths and places, crowds, and clocks and zones that change: exact all the same.

Each answer comes from the roll-ups, and the doctor agrees with them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pwrbot.clock import ManualClock
from pwrbot.entities import (
    OpenVoiceSession,
    Settings,
    VoiceChannelTime,
    VoicePartner,
    VoiceSession,
    VoiceTotal,
)
from pwrbot.repository import Repository
from pwrbot.repository.errors import CheckViolation
from pwrbot.services.activity import VoiceActivity
from pwrbot.services.cover import cover
from pwrbot.services.doctor import differences
from pwrbot.services.ranges import Range, zone
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice_state import LONGEST
from tests.services.filling import fill
from tests.services.house import House, at

GUILD, HALL, DEN = 1, 10, 11
ANN, BEN = 20, 21
MICROSECOND = timedelta(microseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
THE_END = datetime.max.replace(tzinfo=UTC) - MICROSECOND  # the last that can be stored


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def session(
    user_id: int, joined_at: datetime, left_at: datetime, channel_id: int = HALL
) -> VoiceSession:
    return VoiceSession(GUILD, user_id, joined_at, channel_id, left_at)


class Asked:
    """The services on a guild of one zone, at a moment of one's choice."""

    def __init__(self, repository: Repository, now: datetime = NOW) -> None:
        self.repository = repository
        self.clock = ManualClock(now)
        self.settings = SettingsService(repository, self.clock)
        self.statistics = VoiceStatistics(repository, self.clock, self.settings)
        self.activity = VoiceActivity(repository, self.clock, self.settings)

    async def in_zone(self, name: str) -> None:
        await self.settings.update(GUILD, lambda _: Settings(timezone=name))

    async def total(self, since: datetime, until: datetime) -> timedelta:
        """What Ann has within the range: on the board and, once for all, by channel."""
        rows = await self.statistics.totals(GUILD, cover(since, until), limit=10)
        return next((row.total for row in rows if row.user_id == ANN), timedelta())


async def rollups(repository: Repository) -> list[list[Any]]:
    """Every row that is kept of what is added up."""
    tables = (
        repository.voice_segments,
        repository.voice_member_totals,
        repository.voice_channel_totals,
        repository.voice_hours,
    )
    return [await table.select_all() for table in tables]


# Lengths and places


async def test_a_session_of_no_length_is_nowhere(repository: Repository) -> None:
    await repository.voice_sessions.insert(session(ANN, NOW - HOUR, NOW - HOUR))

    asked = Asked(repository)
    assert await rollups(repository) == [[], [], [], []]
    assert await asked.total(NOW - DAY, NOW) == timedelta()
    stats = await asked.statistics.stats(GUILD, ANN, Range.ALL_TIME)
    assert (stats.total, stats.sessions, stats.days_active) == (timedelta(), 0, 0)
    assert not await differences(repository, GUILD)
    assert await repository.voice_sessions.delete((GUILD, ANN, NOW - HOUR))


async def test_a_session_of_forty_days(repository: Repository) -> None:
    begun = utc("2026-09-30T22:30:00.000001")
    ended = begun + 40 * DAY
    await repository.voice_sessions.insert_many(
        [session(ANN, begun, ended), session(BEN, ended - MICROSECOND, ended + HOUR)]
    )

    asked = Asked(repository)
    assert await asked.total(utc("1970-01-01"), NOW) == 40 * DAY
    assert await asked.total(utc("2026-10-01"), utc("2026-11-01")) == 31 * DAY
    assert await asked.total(utc("2026-10-10T12:00"), utc("2026-10-12T13:00")) == 2 * DAY + HOUR
    assert await asked.total(begun - DAY, begun + MICROSECOND) == MICROSECOND
    together = await asked.statistics.partners(GUILD, BEN, Range.ALL_TIME)
    assert together.rows == (VoicePartner(ANN, MICROSECOND, 1, 1),)
    stats = await asked.statistics.stats(GUILD, ANN, Range.ALL_TIME)
    assert (stats.longest_session, stats.days_active, stats.longest_streak) == (40 * DAY, 41, 41)
    assert not await differences(repository, GUILD)

    await repository.voice_sessions.update(session(ANN, begun, begun + HOUR))
    assert await asked.total(utc("1970-01-01"), NOW) == HOUR
    assert not await differences(repository, GUILD)


async def test_a_session_across_both_changes_of_clocks(repository: Repository) -> None:
    """Berlin's days of 23 and of 25 hours, and whatever lies between them."""
    begun, ended = utc("2026-03-28T23:00"), utc("2026-10-25T23:00")  # midnights there
    await repository.voice_sessions.insert(session(ANN, begun, ended))

    asked = Asked(repository)
    await asked.in_zone("Europe/Berlin")
    berlin = zone("Europe/Berlin")
    seen = await asked.activity.between(GUILD, begun - DAY, ended + DAY, berlin)
    times = {day.day: day.total for day in seen.days if day.total}
    assert times.pop(date(2026, 3, 29)) == 23 * HOUR
    assert times.pop(date(2026, 10, 25)) == 25 * HOUR
    assert set(times.values()) == {24 * HOUR}
    assert len(times) == 209
    assert seen == await asked.activity.between(GUILD, begun - DAY, ended + DAY, berlin, ANN)
    assert await asked.activity.days(GUILD, begun - DAY, ended + DAY, berlin) == seen.days
    assert await asked.total(begun, ended) == ended - begun
    stats = await asked.statistics.stats(GUILD, ANN, Range.THIS_YEAR)
    assert (stats.total, stats.days_active) == (ended - begun, 211)
    assert not await differences(repository, GUILD)


@pytest.mark.parametrize(
    ("begun", "ended"),
    [
        (utc("1969-12-31T23:59:59.999999"), utc("1970-01-01T00:00:00.000001")),
        (utc("1969-12-31T23:59:59.5"), utc("1970-01-01T00:00:00")),
        (utc("1969-02-28T23:59:59.250001"), utc("1969-02-28T23:59:59.75")),
        (utc("1969-02-28T23:10:00.000007"), utc("1969-03-02T00:20:00")),
        (utc("0100-01-01T00:00:00"), utc("0100-01-01T00:00:00.000001")),
        (utc("1600-02-28T12:00:00"), utc("1600-03-01T00:00:00")),
        (utc("9999-12-31T23:59:59"), THE_END),
        (utc("9998-12-30T00:00:00"), THE_END),
    ],
)
async def test_before_1970_and_at_the_end_of_time(
    repository: Repository, begun: datetime, ended: datetime
) -> None:
    await repository.voice_sessions.insert_many(
        [session(ANN, begun, ended), session(ANN, NOW - HOUR, NOW)]
    )

    asked = Asked(repository)
    middle = begun + (ended - begun) // 2
    assert await asked.total(begun, ended) == ended - begun
    assert await asked.total(middle, ended) == ended - middle
    assert await asked.total(utc("0100-01-01"), THE_END) == ended - begun + HOUR
    assert await asked.total(ended, THE_END) == (HOUR if ended < NOW else timedelta())
    assert await asked.total(begun - DAY if begun.year > 100 else begun, begun) == timedelta()
    assert await asked.total(NOW - DAY, NOW) == HOUR
    # What people ask for lies between 1970 and now.
    lived = HOUR + max(min(ended, NOW) - max(begun, utc("1970-01-01")), timedelta())
    lived = lived if begun < NOW else HOUR
    board = await asked.statistics.leaderboard(GUILD, Range.ALL_TIME)
    assert board.rows == (VoiceTotal(ANN, lived, 1, 1),)
    assert not await differences(repository, GUILD)

    assert await repository.voice_sessions.delete((GUILD, ANN, begun))
    assert await asked.total(utc("0100-01-01"), THE_END) == HOUR
    assert not await differences(repository, GUILD)


@pytest.mark.parametrize(
    ("begun", "ended", "constraint"),
    [
        (NOW - LONGEST - MICROSECOND, NOW, "voice_sessions_ten_years"),
        (NOW, NOW - MICROSECOND, "voice_sessions_left_after_joined"),
        (utc("0099-12-31T23:59:59"), utc("0100-01-02"), "voice_segments_since_year_100"),
        (utc("0050-05-05"), utc("0050-05-06"), "voice_segments_since_year_100"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    repository: Repository, begun: datetime, ended: datetime, constraint: str
) -> None:
    kept = session(BEN, NOW - LONGEST, NOW)
    await repository.voice_sessions.insert(kept)
    before = await rollups(repository)

    with pytest.raises(CheckViolation) as refused:
        await repository.voice_sessions.insert(session(ANN, begun, ended))
    assert refused.value.constraint == constraint
    with pytest.raises(CheckViolation) as refused:
        await repository.voice_sessions.insert_many(
            [session(BEN, NOW, NOW + HOUR), session(ANN, begun, ended)]
        )
    assert constraint in str(refused.value)

    assert await repository.voice_sessions.select_all() == [kept]
    assert await rollups(repository) == before
    assert not await differences(repository, GUILD)


# Clocks


async def test_a_clock_that_steps_back_an_hour(house: House) -> None:
    house.seen(0)
    house.happens(60, ANN, HALL)
    house.happens(60, BEN, HALL)
    house.happens(120, ANN, DEN)  # and then the clock is set back
    house.happens(65, ANN, HALL)
    house.happens(70, BEN, None)
    house.happens(80, ANN, None)
    house.happens(90, ANN, HALL)
    house.happens(150, ANN, None)
    await house.tracker.drain()

    assert await house.ended() == [(ANN, HALL, 60, 120), (ANN, HALL, 120, 150), (BEN, HALL, 60, 70)]
    assert await house.running() == []
    asked = Asked(house.repository, at(200))
    board = await asked.statistics.leaderboard(house.guild_id, Range.ALL_TIME)
    assert board.rows == (
        VoiceTotal(ANN, timedelta(minutes=90), 1, 2),
        VoiceTotal(BEN, timedelta(minutes=10), 2, 2),
    )
    together = await asked.statistics.partners(house.guild_id, ANN, Range.ALL_TIME)
    assert together.rows == (VoicePartner(BEN, timedelta(minutes=10), 1, 1),)
    assert not await differences(house.repository, house.guild_id)


async def test_a_clock_that_began_in_1970(house: House) -> None:
    """A machine without a battery, set right once it is online: 56 years were not lived."""
    house.clock.set(utc("1970-01-01T00:01"))
    begun = house.clock.now()
    house.tracker.state_changed(house.state(ANN, HALL), begun)
    house.happens(1, BEN, HALL)
    house.happens(2, ANN, None)
    house.happens(3, BEN, None)
    await house.tracker.drain()

    assert await house.ended() == [(BEN, HALL, 1, 3)]
    assert await house.running() == []


async def test_a_bot_that_was_killed_before_its_clock_was_right(house: House) -> None:
    await house.tracker.recover()
    await house.repository.open_voice_sessions.insert_many(
        [
            OpenVoiceSession(GUILD, ANN, HALL, utc("1970-01-01T00:01")),
            OpenVoiceSession(GUILD, BEN, HALL, at(0)),
        ]
    )
    house.clock.set(at(5))
    assert await house.tracker.beat()

    later = House(house.repository)
    later.clock.set(at(6))
    assert await later.tracker.recover() == 2
    assert await house.ended() == [(BEN, HALL, 0, 5)]
    assert await house.running() == []


# Crowds, and nobody


async def test_ten_thousand_overlaps_of_two(migrated_url: str) -> None:
    """A quarter of an hour each, again and again, half of it apart: each meets two of the other."""
    begun = utc("2026-09-01")
    quarter = timedelta(minutes=15)
    half = quarter / 2
    fill(
        migrated_url,
        [
            session(user_id, start + moved, start + moved + quarter - MICROSECOND)
            for start in (begun + number * quarter for number in range(5001))
            for user_id, moved in ((ANN, timedelta()), (BEN, half))
        ],
    )
    repository = await Repository.open(migrated_url)

    asked = Asked(repository)
    shared = 10_001 * (half - MICROSECOND)
    found = await asked.statistics.partners(GUILD, ANN, Range.ALL_TIME)
    assert found.rows == (VoicePartner(BEN, shared, 1, 1),)
    found = await asked.statistics.partners(GUILD, BEN, Range.THIS_YEAR)
    assert found.rows == (VoicePartner(ANN, shared, 1, 1),)
    board = await asked.statistics.leaderboard(GUILD, Range.ALL_TIME)
    assert board.rows[0] == VoiceTotal(ANN, 5001 * (quarter - MICROSECOND), 1, 2)
    assert not await differences(repository, GUILD)
    await repository.close()


async def test_a_channel_of_five_hundred(migrated_url: str) -> None:
    """Number n stays n minutes, so that each two share the time of the one who leaves first."""
    begun = NOW - DAY
    minute = timedelta(minutes=1)
    fill(migrated_url, [session(n, begun, begun + n * minute) for n in range(1, 501)])
    repository = await Repository.open(migrated_url)

    asked = Asked(repository)
    others = [n for n in range(1, 501) if n != 250]
    others.sort(key=lambda n: (-min(n, 250), n))
    found: list[VoicePartner] = []
    for page in range(1, 51):
        seen = await asked.statistics.partners(GUILD, 250, Range.PAST_7_DAYS, page)
        assert (seen.page, seen.pages, seen.members) == (page, 50, 499)
        found += seen.rows
    assert found == [
        VoicePartner(n, min(n, 250) * minute, place, 499) for place, n in enumerate(others, 1)
    ]
    channels = await asked.statistics.channels(GUILD, Range.PAST_7_DAYS)
    assert channels.rows == (VoiceChannelTime(HALL, 500 * 501 // 2 * minute, 1, 1),)
    assert not await differences(repository, GUILD)
    await repository.close()


async def test_a_guild_in_which_nobody_was(repository: Repository) -> None:
    await repository.voice_sessions.insert(VoiceSession(2, ANN, NOW - HOUR, HALL, NOW))

    asked = Asked(repository)
    for chosen in Range:
        board = await asked.statistics.leaderboard(GUILD, chosen, 3, viewer_id=ANN)
        assert (board.rows, board.page, board.pages, board.own) == ((), 1, 1, None)
        channels = await asked.statistics.channels(GUILD, chosen, 3)
        assert (channels.rows, channels.page, channels.channels) == ((), 1, 0)
        partners = await asked.statistics.partners(GUILD, ANN, chosen)
        assert (partners.rows, partners.members) == ((), 0)
        stats = await asked.statistics.stats(GUILD, ANN, chosen)
        assert (stats.total, stats.longest_stretch, stats.longest_streak) == (
            timedelta(),
            timedelta(),
            0,
        )
        assert (await asked.activity.of_range(GUILD, chosen)).total == timedelta()
    assert not await differences(repository, GUILD)


# Zones


@pytest.mark.parametrize(
    ("name", "day", "begin", "length"),
    [
        # Clocks were put forward at midnight, for the last time; a year later they were not.
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00", 23 * HOUR),
        ("America/Sao_Paulo", date(2019, 11, 3), "2019-11-03T03:00", 24 * HOUR),
        # An offset of 44 minutes 30 behind, until 7 January 1972; that day lacked them.
        ("Africa/Monrovia", date(1972, 1, 6), "1972-01-06T00:44:30", 24 * HOUR),
        (
            "Africa/Monrovia",
            date(1972, 1, 7),
            "1972-01-07T00:44:30",
            24 * HOUR - 2670 * DAY / 86400,
        ),
        ("Africa/Monrovia", date(1972, 1, 8), "1972-01-08T00:00", 24 * HOUR),
        # The island went over to the other side of the date line: there was no such day.
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00", 24 * HOUR),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00", 24 * HOUR),
    ],
)
async def test_a_zone_that_changed_its_rules(
    repository: Repository, name: str, day: date, begin: str, length: timedelta
) -> None:
    """Each day has its hours, no more and no less, whoever was there all the time."""
    midnight = utc(begin)
    await repository.voice_sessions.insert(session(ANN, midnight - 3 * DAY, midnight + 3 * DAY))

    asked = Asked(repository, midnight + length)
    await asked.in_zone(name)
    window = (midnight - DAY, midnight + length, zone(name))
    seen = await asked.activity.between(GUILD, *window)
    assert (seen.days[-1].day, seen.days[-1].total) == (day, length)
    assert await asked.activity.days(GUILD, *window) == seen.days
    board = await asked.statistics.leaderboard(GUILD, Range.TODAY)
    assert board.since == midnight + length
    asked.clock.set(midnight + length - MICROSECOND)
    board = await asked.statistics.leaderboard(GUILD, Range.TODAY)
    assert (board.since, board.rows) == (midnight, (VoiceTotal(ANN, length - MICROSECOND, 1, 1),))


async def test_another_zone_rewrites_nothing(repository: Repository) -> None:
    """The answers follow it; what is kept is in UTC."""
    noons = [NOW - number * DAY for number in range(60)]
    await repository.voice_sessions.insert_many(
        [session(ANN, noon - 11 * HOUR, noon - 5 * HOUR) for noon in noons]
    )
    asked = Asked(repository)
    await asked.in_zone("UTC")
    before = await rollups(repository)
    assert (await asked.statistics.leaderboard(GUILD, Range.TODAY)).rows[0].total == 6 * HOUR
    assert (await asked.activity.of_range(GUILD, Range.TODAY)).total == 6 * HOUR

    written = {
        statement.name: statement.statistics.calls
        for statement in repository.statements
        if not statement.readonly
    }
    await asked.in_zone("America/New_York")  # whose day began at five
    today = await asked.statistics.leaderboard(GUILD, Range.TODAY)
    assert (today.since, today.rows[0].total) == (utc("2026-11-21T05:00"), 2 * HOUR)
    month = await asked.statistics.leaderboard(GUILD, Range.THIS_MONTH)
    assert (month.since, month.rows[0].total) == (utc("2026-11-01T04:00"), (20 * 6 + 3) * HOUR)
    seen = await asked.activity.of_range(GUILD, Range.TODAY)
    assert (seen.total, seen.week[5][:3]) == (2 * HOUR, (HOUR, HOUR, timedelta()))

    assert await rollups(repository) == before
    calls = {s.name: s.statistics.calls for s in repository.statements if not s.readonly}
    assert {name for name in calls if calls[name] != written[name]} == {"server_settings.save"}

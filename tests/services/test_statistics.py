"""Boards and figures, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from pwrbot.clock import ManualClock
from pwrbot.entities import OpenVoiceSession, VoiceSession, VoiceSpan, VoiceTotal
from pwrbot.repository import Repository
from pwrbot.services.ranges import Range, zone
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics, active_days, streak_until

GUILD, HALL, DEN = 1, 10, 11
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def statistics(repository: Repository) -> VoiceStatistics:
    clock = ManualClock(NOW)
    settings = SettingsService(repository, clock)
    await settings.update(GUILD, lambda s: replace(s, timezone="America/New_York"))
    return VoiceStatistics(repository, clock, settings)


async def spent(
    repository: Repository, user_id: int, start: datetime, hours: float, channel_id: int = HALL
) -> None:
    await repository.voice_sessions.insert(
        VoiceSession(GUILD, user_id, start, channel_id, start + hours * HOUR)
    )


async def test_an_empty_board(statistics: VoiceStatistics) -> None:
    board = await statistics.leaderboard(GUILD, Range.ALL_TIME, 7, viewer_id=1)
    assert (board.rows, board.page, board.pages, board.members, board.own) == ((), 1, 1, 0, None)
    partners = await statistics.partners(GUILD, 1, Range.TODAY, 7)
    assert (partners.rows, partners.page, partners.pages, partners.members) == ((), 1, 1, 0)


async def test_who_is_known_of_a_guild(statistics: VoiceStatistics, repository: Repository) -> None:
    await spent(repository, 1, NOW - timedelta(days=900), 1)
    assert await statistics.knows(GUILD, 1)
    assert not await statistics.knows(GUILD, 2)
    assert not await statistics.knows(GUILD + 1, 1)


async def test_a_board_of_pages(statistics: VoiceStatistics, repository: Repository) -> None:
    for user_id in range(1, 26):
        await spent(repository, user_id, NOW - 10 * HOUR, 1 if user_id > 3 else 2)
    board = await statistics.leaderboard(GUILD, Range.PAST_24_HOURS, viewer_id=25)
    assert [row.user_id for row in board.rows] == list(range(1, 11))
    assert [row.place for row in board.rows] == list(range(1, 11))
    assert (board.page, board.pages, board.members) == (1, 3, 25)
    assert board.own == VoiceTotal(25, HOUR, 25, 25)
    assert (board.since, board.until) == (NOW - 24 * HOUR, NOW)
    assert board.zone == zone("America/New_York")
    for asked, given in ((3, 3), (4, 3), (10**30, 3), (0, 1), (-5, 1)):
        board = await statistics.leaderboard(GUILD, Range.PAST_24_HOURS, asked, viewer_id=25)
        assert board.page == given
        assert board.own == VoiceTotal(25, HOUR, 25, 25)
    board = await statistics.leaderboard(GUILD, Range.PAST_24_HOURS, 2, per_page=25)
    assert (board.page, board.pages, board.own) == (1, 1, None)


async def test_the_board_is_clipped_to_the_servers_day(
    statistics: VoiceStatistics, repository: Repository
) -> None:
    midnight = datetime(2026, 3, 15, 4, tzinfo=UTC)  # summer time, since the 8th
    await spent(repository, 1, midnight - HOUR, 2)
    await spent(repository, 2, midnight - HOUR, 1)
    await repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, 3, HALL, NOW - HOUR / 2))
    board = await statistics.leaderboard(GUILD, Range.TODAY, viewer_id=2)
    assert board.since == midnight
    assert [(row.user_id, row.total) for row in board.rows] == [(1, HOUR), (3, HOUR / 2)]
    assert board.own is None


async def test_partners(statistics: VoiceStatistics, repository: Repository) -> None:
    start = NOW - 10 * HOUR
    await spent(repository, 1, start, 4)
    await spent(repository, 2, start + HOUR, 1)
    await spent(repository, 3, start + 3 * HOUR, 5)
    await spent(repository, 4, start, 4, channel_id=DEN)
    await spent(repository, 5, start + 4 * HOUR, 1)
    found = await statistics.partners(GUILD, 1, Range.PAST_24_HOURS, 9)
    assert [(row.user_id, row.total, row.place) for row in found.rows] == [
        (2, HOUR, 1),
        (3, HOUR, 2),
    ]
    assert (found.member_id, found.page, found.pages, found.members) == (1, 1, 1, 2)


async def test_the_figures_of_a_member(statistics: VoiceStatistics, repository: Repository) -> None:
    # Split at midnight in New York: the 10th from 22:00 to 2:00 on the 11th.
    await spent(repository, 1, datetime(2026, 3, 11, 2, tzinfo=UTC), 4)
    # Ends at midnight sharp, so the 13th has none of it.
    await spent(repository, 1, datetime(2026, 3, 13, 3, tzinfo=UTC), 1)
    await spent(repository, 1, datetime(2026, 2, 1, tzinfo=UTC), 9)
    await repository.open_voice_sessions.insert(
        OpenVoiceSession(GUILD, 1, HALL, NOW - timedelta(microseconds=2))
    )
    stats = await statistics.stats(GUILD, 1, Range.THIS_MONTH)
    assert stats.total == 5 * HOUR + 2 * MICROSECOND
    assert stats.sessions == 3
    assert stats.days_active == 4
    assert stats.average_per_active_day == 1.25 * HOUR
    assert stats.longest_session == 4 * HOUR
    assert stats.current_streak == 1
    assert (await statistics.stats(GUILD, 1, Range.ALL_TIME)).longest_session == 9 * HOUR


async def test_the_figures_of_nobody(statistics: VoiceStatistics) -> None:
    stats = await statistics.stats(GUILD, 404, Range.ALL_TIME)
    assert (stats.total, stats.sessions, stats.days_active) == (timedelta(), 0, 0)
    assert (stats.average_per_active_day, stats.longest_session) == (timedelta(), timedelta())
    assert stats.current_streak == 0


@pytest.mark.parametrize("days", [1, 30, 31, 32, 33, 93, 94, 200])
async def test_a_long_streak(
    statistics: VoiceStatistics, repository: Repository, days: int
) -> None:
    """Whatever the windows it is looked for in. It ends yesterday: today is not over."""
    await repository.voice_sessions.insert_many(
        [
            VoiceSession(GUILD, 1, start, HALL, start + MICROSECOND)
            for start in (NOW - timedelta(days=number) for number in range(1, days + 1))
        ]
    )
    assert (await statistics.stats(GUILD, 1, Range.TODAY)).current_streak == days


def test_days_of_one_long_session() -> None:
    start = datetime(2026, 3, 7, 12, tzinfo=UTC)
    span = VoiceSpan(HALL, start, start + timedelta(days=3))
    new_york = zone("America/New_York")
    assert active_days([span], new_york) == {date(2026, 3, day) for day in (7, 8, 9, 10)}
    assert active_days([], new_york) == set()


def test_streaks() -> None:
    today = date(2026, 3, 15)
    days = {number: today - timedelta(days=number) for number in range(5)}
    assert streak_until(today, set()) == 0
    assert streak_until(today, {days[0]}) == 1
    assert streak_until(today, {days[1]}) == 1
    assert streak_until(today, {days[2]}) == 0
    assert streak_until(today, {days[0], days[1], days[3]}) == 2
    assert streak_until(today, {today + timedelta(days=1)}) == 0

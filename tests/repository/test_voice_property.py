"""Boards, standings, partners and figures equal a brute force in plain Python, to the microsecond.

Sessions are laid on a few shared moments, so that edges touch everywhere: sessions of one member
and of several, ranges, local midnights, the moments at which clocks change, and now. The
PostgreSQL side runs in a database whose own time zone has summer time.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, count
from pathlib import Path
from typing import TypeVar

import msgspec
import psycopg.sql
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pwrbot.clock import ManualClock
from pwrbot.entities import (
    OpenVoiceSession,
    Settings,
    VoiceChannelTime,
    VoicePartner,
    VoiceSession,
    VoiceSpan,
    VoiceTotal,
)
from pwrbot.repository import Repository
from pwrbot.services.activity import VoiceActivity
from pwrbot.services.cover import cover, months
from pwrbot.services.doctor import differences
from pwrbot.services.ranges import EPOCH, Range, day_start, zone
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from tests.conftest import ENGINES, PostgresServer

MICROSECOND = timedelta(microseconds=1)
NONE = timedelta()
T = TypeVar("T")
MEMBERS = (1, 2, 3, 4)
CHANNELS = (10, 11)
AS_BEFORE = 3

Ended = tuple[int, int, datetime, datetime]  # member, channel, from, to
Running = tuple[int, int, datetime]

# Each with a day on which its clocks change, or none.
DAYS = (
    ("UTC", date(2024, 2, 29)),
    ("Asia/Kolkata", date(2024, 1, 1)),
    ("Europe/Berlin", date(2023, 3, 26)),
    ("Europe/Berlin", date(2023, 10, 29)),
    ("America/New_York", date(2024, 11, 3)),
    ("America/Santiago", date(2023, 9, 3)),  # no midnight
    ("America/Santiago", date(2023, 4, 2)),  # 23:00 twice
    ("Asia/Beirut", date(2023, 3, 26)),  # no midnight
    ("America/Havana", date(2023, 11, 5)),  # midnight twice
    ("Australia/Lord_Howe", date(2023, 4, 2)),  # by half an hour
)


class Past(msgspec.Struct, frozen=True):
    """What happened in a guild, and what is asked about it."""

    zone: str
    ended: tuple[Ended, ...]
    running: tuple[Running, ...]
    changes: tuple[str, ...]
    """What is done afterwards to each ended session, in their order."""
    elsewhere: tuple[Ended, ...]
    """What the same members did in another guild."""
    since: datetime
    until: datetime
    now: datetime
    range: Range
    member: int
    page: int
    per_page: int


DAY = timedelta(days=1) // MICROSECOND
LONGEST = 8  # moments
OFFSETS = st.one_of(
    st.sampled_from([0, -1, 1, 60_000_000, 3_600_000_000, DAY // 2]), st.integers(0, DAY)
)


FAR_BACK = st.sampled_from([0, 0, 0, -10, -40, -400, -3000]).map(timedelta)
FAR_AHEAD = st.sampled_from([0, 0, 0, 10, 40, 400, 3000]).map(timedelta)
KEPT, DELETED, MOVED, SHORTENED, LATER, REPLACED = (
    "kept", "deleted", "moved", "shortened", "later", "replaced"
)  # fmt: skip
CHANGES = (KEPT, KEPT, KEPT, DELETED, MOVED, SHORTENED, LATER, REPLACED)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    name, day = draw(st.sampled_from(DAYS))
    drawn = draw(
        st.lists(st.tuples(st.integers(0, 5), OFFSETS), min_size=4, max_size=LONGEST, unique=True)
    )
    midnights = [day_start(day + timedelta(days=number), zone(name)) for number in range(-3, 3)]
    ticks = sorted({midnights[number] + offset * MICROSECOND for number, offset in drawn})
    edge = st.builds(
        lambda number, offset: ticks[number % len(ticks)] + offset * MICROSECOND,
        st.integers(0, LONGEST),
        st.sampled_from([0, -1, 1]),
    )
    since, _, until = sorted((draw(edge), draw(edge), draw(edge)))
    since += draw(FAR_BACK)
    until += draw(FAR_AHEAD)
    ended, running = draw_sessions(draw, ticks)
    changes = st.lists(st.sampled_from(CHANGES), min_size=len(ended), max_size=len(ended))
    return Past(
        zone=name,
        ended=ended,
        running=running,
        changes=tuple(draw(changes)),
        elsewhere=draw_sessions(draw, ticks)[0],
        since=since,
        until=until,
        now=draw(edge),
        range=draw(st.sampled_from(Range)),
        member=draw(st.sampled_from((*MEMBERS, 404))),
        page=draw(st.integers(-1, 4)),
        per_page=draw(st.integers(1, 5)),
    )


def draw_sessions(
    draw: st.DrawFn, ticks: list[datetime]
) -> tuple[tuple[Ended, ...], tuple[Running, ...]]:
    """Each member's time between two moments: nowhere, in a channel anew, or as before."""
    ended: list[Ended] = []
    running: list[Running] = []
    for member in MEMBERS:
        code = draw(st.integers(0, 4**LONGEST - 1))
        session: Running | None = None
        for moment in ticks:
            code, what = divmod(code, 4)
            if what == AS_BEFORE:
                continue
            if session is not None:
                ended.append((*session, moment))
            session = (member, CHANNELS[what], moment) if what < len(CHANNELS) else None
        if session is not None:
            running.append(session)
    return tuple(ended), tuple(running)


def changed(session: Ended, change: str) -> Ended | None:
    """What is left of an ended session after one change; None where nothing is."""
    who, where, joined_at, left_at = session
    middle = joined_at + (left_at - joined_at) // 2
    if change == DELETED:
        return None
    if change == MOVED:
        return who, sum(CHANNELS) - where, joined_at, left_at
    if change in (SHORTENED, REPLACED):
        return who, where, joined_at, middle
    return (who, where, middle, left_at) if change == LATER else session


# The brute force


def clipped(past: Past, since: datetime, until: datetime, now: datetime) -> list[Ended]:
    """Everybody's time within [since, until), the sessions still running up to now."""
    left = map(changed, past.ended, past.changes)
    spans = [*filter(None, left), *((*session, now) for session in past.running)]
    cut = [(who, where, max(a, since), min(b, until)) for who, where, a, b in spans]
    return [span for span in cut if span[2] < span[3]]


def board(spans: list[Ended]) -> list[VoiceTotal]:
    totals: Counter[int] = Counter()
    for who, _, a, b in spans:
        totals[who] += (b - a) // MICROSECOND
    order = sorted(totals, key=lambda who: (-totals[who], who))
    return [
        VoiceTotal(who, totals[who] * MICROSECOND, place, len(order))
        for place, who in enumerate(order, 1)
    ]


def channel_board(spans: list[Ended]) -> list[VoiceChannelTime]:
    rows = board([(where, where, a, b) for _, where, a, b in spans])
    return [VoiceChannelTime(row.user_id, row.total, row.place, row.members) for row in rows]


def partners(spans: list[Ended], member: int) -> list[VoicePartner]:
    shared: Counter[int] = Counter()
    for one, other in combinations(spans, 2):
        if member in (one[0], other[0]) and one[0] != other[0] and one[1] == other[1]:
            overlap = (min(one[3], other[3]) - max(one[2], other[2])) // MICROSECOND
            if overlap > 0:
                shared[other[0] if one[0] == member else one[0]] += overlap
    order = sorted(shared, key=lambda who: (-shared[who], who))
    return [
        VoicePartner(who, shared[who] * MICROSECOND, place, len(order))
        for place, who in enumerate(order, 1)
    ]


def days_of(spans: list[tuple[datetime, datetime]], name: str) -> set[date]:
    """Local dates seen by looking at the calendar again and again: a day has 23 hours or more."""
    days: set[date] = set()
    for start, end in spans:
        moment = start
        while moment < end:
            days.add(moment.astimezone(zone(name)).date())
            moment += timedelta(hours=6)
        days.add((end - MICROSECOND).astimezone(zone(name)).date())
    return days


def activity_of(
    spans: list[tuple[datetime, datetime]], name: str
) -> tuple[dict[date, timedelta], dict[tuple[int, int], timedelta]]:
    """By local day and hour of the week: clocks here change at half hours of UTC at most."""
    days: Counter[date] = Counter()
    hours: Counter[tuple[int, int]] = Counter()
    half = timedelta(minutes=30)
    for start, end in spans:
        while start < end:
            stop = min(end, start - (start - EPOCH) % half + half)
            local = start.astimezone(zone(name))
            day = local.date() + timedelta(days=1)
            while day_start(day, zone(name)) > start:
                day -= timedelta(days=1)
            days[day] += (stop - start) // MICROSECOND
            hours[local.weekday(), local.hour] += (stop - start) // MICROSECOND
            start = stop
    return (
        {day: total * MICROSECOND for day, total in days.items()},
        {hour: total * MICROSECOND for hour, total in hours.items()},
    )


def streak(days: set[date], today: date) -> int:
    ends = max((day for day in days if day <= today), default=date.min)
    if today - ends > timedelta(days=1):
        return 0
    return next(n for n in count(1) if ends - timedelta(days=n) not in days)


def page_of(rows: list[T], page: int, per_page: int) -> tuple[int, tuple[T, ...]]:
    pages = [tuple(rows[at : at + per_page]) for at in range(0, len(rows), per_page)] or [()]
    number = min(max(page, 1), len(pages))
    return number, pages[number - 1]


# Both, side by side


class Side:
    """One engine's database, kept for all examples: each has guilds of its own."""

    def __init__(self, runner: asyncio.Runner, repository: Repository) -> None:
        self.runner = runner
        self.repository = repository
        self.guild_ids = count(1, 2)


@pytest.fixture(scope="module")
def kept_sqlite_url(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("property") / "pwrbot.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def kept_postgres_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    url = postgres_server.create(template=migrated_postgres)
    with psycopg.connect(url, autocommit=True) as connection:
        database = psycopg.sql.Identifier(connection.info.dbname)
        connection.execute(
            psycopg.sql.SQL("ALTER DATABASE {} SET timezone TO 'Europe/Berlin'").format(database)
        )
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="module", params=ENGINES)
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    url: str = request.getfixturevalue(f"kept_{request.param}_url")
    with asyncio.Runner() as runner:
        repository = runner.run(Repository.open(url))
        yield Side(runner, repository)
        runner.run(repository.close())


@settings(
    max_examples=1000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(past=pasts())
def test_engines_and_services_equal_brute_force(side: Side, past: Past) -> None:
    guild_id = next(side.guild_ids)
    side.runner.run(check(side.repository, guild_id, past))


async def check(repository: Repository, guild_id: int, past: Past) -> None:
    everywhere = ((guild_id, past.ended), (guild_id + 1, past.elsewhere))
    await repository.voice_sessions.insert_many(
        [
            VoiceSession(guild, who, joined_at, where, left_at)
            for guild, sessions in everywhere
            for who, where, joined_at, left_at in sessions
        ]
    )
    await repository.open_voice_sessions.insert_many(
        [
            OpenVoiceSession(guild_id, who, where, joined_at)
            for who, where, joined_at in past.running
        ]
    )
    for session, change in zip(past.ended, past.changes, strict=True):
        await correct(repository, guild_id, session, change)
    await check_queries(repository, guild_id, past)
    await check_services(repository, guild_id, past)
    for guild in (guild_id, guild_id + 1):
        assert not await differences(repository, guild)


async def correct(repository: Repository, guild_id: int, session: Ended, change: str) -> None:
    """Do to a stored session what somebody might who corrects it."""
    who, _, joined_at, _ = session
    sessions = repository.voice_sessions
    after = changed(session, change)
    if after is None:
        await sessions.delete((guild_id, who, joined_at))
        return
    row = VoiceSession(guild_id, who, after[2], after[1], after[3])
    if change == REPLACED:
        await sessions.replace(row)
    elif change == LATER:
        async with repository.transaction() as tx:
            await tx.voice_sessions.delete((guild_id, who, joined_at))
            await tx.voice_sessions.insert(row)
    elif change != KEPT:
        await sessions.update(row)


async def check_queries(repository: Repository, guild_id: int, past: Past) -> None:
    sessions = repository.voice_sessions
    since, until, now, who = past.since, past.until, past.now, past.member
    spans = clipped(past, since, until, now)
    totals = board(spans)
    event(f"{len(totals)} on the board")
    made = msgspec.structs.asdict(cover(since, until))
    parts = {"guild_id": guild_id, "now": now, "least": MICROSECOND}
    shown = {"hide_left": False, "limit": 100, "offset": 0}
    cut = {**shown, "limit": 0}
    found = await sessions.leaderboard(**parts, **made, **shown, viewer_id=None)
    assert found == totals
    own = await sessions.leaderboard(**parts, **made, **cut, viewer_id=who)
    assert own == [row for row in totals if row.user_id == who]
    by_months = msgspec.structs.asdict(months(since, until))
    channels = await sessions.channels(**parts, **by_months, limit=100, offset=0)
    assert channels == channel_board(spans)
    shared = await sessions.partners(
        guild_id=guild_id, user_id=who, since=since, until=until, now=now, limit=100, offset=0
    )
    assert shared == partners(spans, who)
    event(f"{len(shared)} partners")
    of = {row.user_id: row.total for row in totals}
    assert all(row.total <= min(of[who], of[row.user_id]) for row in shared)
    mine = await sessions.spans(guild_id=guild_id, user_id=who, since=since, until=until, now=now)
    expected = [VoiceSpan(where, a, b) for user_id, where, a, b in spans if user_id == who]
    assert mine == sorted(expected, key=lambda span: span.started_at)


async def check_services(repository: Repository, guild_id: int, past: Past) -> None:
    clock = ManualClock(past.now)
    chosen = SettingsService(repository, clock)
    await chosen.update(guild_id, lambda _: Settings(timezone=past.zone))
    statistics = VoiceStatistics(repository, clock, chosen)
    who, per_page = past.member, past.per_page

    found = await statistics.leaderboard(
        guild_id, past.range, past.page, per_page=per_page, viewer_id=who
    )
    spans = clipped(past, found.since, past.now, past.now)
    totals = board(spans)
    assert (found.page, found.rows) == page_of(totals, past.page, per_page)
    assert (found.members, found.pages) == (len(totals), max(1, -(-len(totals) // per_page)))
    assert found.own == next((row for row in totals if row.user_id == who), None)
    assert found.until == past.now

    shared = await statistics.partners(guild_id, who, past.range, past.page, per_page=per_page)
    assert (shared.page, shared.rows) == page_of(partners(spans, who), past.page, per_page)

    stats = await statistics.stats(guild_id, who, past.range)
    mine = [(a, b) for user_id, _, a, b in spans if user_id == who]
    lengths = [b - a for a, b in mine]
    days = days_of(mine, past.zone)
    assert stats.total == sum(lengths, NONE)
    assert stats.sessions == len(mine)
    assert stats.days_active == len(days)
    assert stats.longest_session == max(lengths, default=NONE)
    assert stats.average_per_active_day == (sum(lengths, NONE) // len(days) if days else NONE)
    ever = clipped(past, EPOCH, past.now, past.now)
    active = days_of([(a, b) for user_id, _, a, b in ever if user_id == who], past.zone)
    today = past.now.astimezone(zone(past.zone)).date()
    assert stats.current_streak == streak(active, today)
    event(f"streak {stats.current_streak}")

    activity = VoiceActivity(repository, clock, chosen)
    for member in (None, who):
        seen = await activity.of_range(guild_id, past.range, member)
        mine = [
            (a, b)
            for user_id, _, a, b in clipped(past, seen.since, past.now, past.now)
            if member in (None, user_id)
        ]
        assert seen.days == await activity.days(guild_id, seen.since, seen.until, seen.zone, member)
        by_day, by_hour = activity_of(mine, past.zone)
        assert {day.day: day.total for day in seen.days if day.total} == by_day
        hours = itertools.product(range(7), range(24))
        week = {hour: seen.week[hour[0]][hour[1]] for hour in hours}
        assert {hour: total for hour, total in week.items() if total} == by_hour


def test_the_databases_own_zone_changes_nothing(side: Side) -> None:
    """In Berlin a day was 23 hours long then: PostgreSQL counts days in the zone of its session."""
    guild_id = next(side.guild_ids)
    left_at = datetime(2023, 3, 26, 12, tzinfo=UTC)
    until = left_at + timedelta(days=9)

    async def shared() -> list[VoicePartner]:
        await side.repository.voice_sessions.insert_many(
            [
                VoiceSession(guild_id, 1, left_at - timedelta(hours=26), 10, left_at),
                VoiceSession(guild_id, 2, left_at - MICROSECOND, 10, left_at),
            ]
        )
        return await side.repository.voice_sessions.partners(
            guild_id=guild_id, user_id=2, since=EPOCH, until=until, now=until, limit=9, offset=0
        )

    assert side.runner.run(shared()) == [VoicePartner(1, MICROSECOND, 1, 1)]

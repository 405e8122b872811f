"""Resets: exactly what was asked for goes, and comes back exactly."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.entities import OpenVoiceSession, VoiceRemoval, VoiceSession
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseBusy
from pwrbot.services import removed_sessions
from pwrbot.services.doctor import differences
from pwrbot.services.voice_reset import ResetRefused, ResetScope, VoiceReset
from tests.services.house import START

GUILD, ADA, BOB, LOUNGE, GAMES = 7, 1, 2, 10, 11
NOW = START + timedelta(days=30)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def session(user: int, begins: float, ends: float, channel: int = LOUNGE) -> VoiceSession:
    return VoiceSession(GUILD, user, at(begins), channel, at(ends))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def reset(repository: Repository, clock: ManualClock) -> VoiceReset:
    return VoiceReset(repository, clock)


SESSIONS = [
    session(ADA, 0, 2),
    session(ADA, 2, 3, GAMES),
    session(ADA, 20, 30),
    session(BOB, 1, 4),
    session(BOB, 47, 49, GAMES),
]
OTHER = VoiceSession(8, ADA, at(0), LOUNGE, at(5))


@pytest.fixture
async def history(repository: Repository) -> None:
    await repository.voice_sessions.insert_many([*SESSIONS, OTHER])


async def left(repository: Repository) -> list[VoiceSession]:
    return await repository.voice_sessions.select_all()


async def total(repository: Repository, user: int | None = None) -> timedelta:
    rows = [row for row in await left(repository) if row.guild_id == GUILD]
    lengths = [row.left_at - row.joined_at for row in rows if user in (None, row.user_id)]
    return sum(lengths, timedelta())


async def sound(repository: Repository) -> bool:
    """Whether the roll-ups say what the sessions say."""
    return not await differences(repository, GUILD)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("scope", "sessions", "hours", "stay"),
    [
        (ResetScope(), 5, 18, []),
        (ResetScope(user_id=ADA), 3, 13, [SESSIONS[3], SESSIONS[4]]),
        (ResetScope(channel_id=GAMES), 2, 3, [SESSIONS[0], SESSIONS[2], SESSIONS[3]]),
        (ResetScope(ADA, GAMES), 1, 1, [SESSIONS[0], *SESSIONS[2:]]),
        # A day: what lies across its edges is cut there.
        (
            ResetScope(since=at(24), until=at(48)),
            2,
            7,
            [*SESSIONS[:2], session(ADA, 20, 24), SESSIONS[3], session(BOB, 48, 49, GAMES)],
        ),
        (ResetScope(ADA, LOUNGE, at(1), at(22)), 2, 3, None),
    ],
)
async def test_what_was_asked_for_goes_and_comes_back(
    reset: VoiceReset,
    repository: Repository,
    scope: ResetScope,
    sessions: int,
    hours: float,
    stay: list[VoiceSession] | None,
) -> None:
    preview = await reset.preview(GUILD, scope)
    assert (preview.sessions, preview.total) == (sessions, timedelta(hours=hours))
    assert await left(repository) == [*SESSIONS, OTHER]

    done = await reset.reset(GUILD, scope, removal_id=1, asked_by=5)

    assert (done.phase, done.sessions, done.total) == ("removed", sessions, timedelta(hours=hours))
    assert await total(repository) == timedelta(hours=18 - hours)
    if stay is not None:
        assert await left(repository) == [*stay, OTHER]
    assert (await reset.preview(GUILD, scope)).sessions == 0
    assert await sound(repository)

    restored = await reset.undo(GUILD, 1)

    assert (restored.sessions, restored.collided) == (sessions, 0)
    assert await total(repository) == timedelta(hours=18)
    assert await repository.voice_removed_sessions.count() == 0
    assert await sound(repository)


async def test_a_reset_of_nothing_is_refused(reset: VoiceReset, repository: Repository) -> None:
    with pytest.raises(ResetRefused, match="no time in voice"):
        await reset.reset(GUILD, ResetScope(), removal_id=1, asked_by=5)
    assert await repository.voice_removals.count() == 0


async def test_a_running_session_begins_anew(
    reset: VoiceReset, repository: Repository, clock: ManualClock
) -> None:
    began = NOW - timedelta(hours=2)
    await repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, ADA, LOUNGE, began))
    await repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, BOB, GAMES, began))

    preview = await reset.preview(GUILD, ResetScope(user_id=ADA))
    await reset.reset(GUILD, ResetScope(user_id=ADA), removal_id=1, asked_by=5)

    assert (preview.sessions, preview.total) == (1, timedelta(hours=2))
    assert await repository.open_voice_sessions.select_all() == [
        OpenVoiceSession(GUILD, ADA, LOUNGE, NOW),
        OpenVoiceSession(GUILD, BOB, GAMES, began),
    ]
    clock.advance(hours=1)
    await reset.undo(GUILD, 1)
    assert await left(repository) == [VoiceSession(GUILD, ADA, began, LOUNGE, NOW)]


async def test_a_running_session_keeps_what_lies_outside(
    reset: VoiceReset, repository: Repository
) -> None:
    hour = timedelta(hours=1)
    await repository.open_voice_sessions.insert(
        OpenVoiceSession(GUILD, ADA, LOUNGE, NOW - 5 * hour)
    )
    scope = ResetScope(since=NOW - 3 * hour, until=NOW - hour)
    done = await reset.reset(GUILD, scope, removal_id=1, asked_by=5)
    assert done.total == 2 * hour
    [running] = await repository.open_voice_sessions.select_all()
    assert running.joined_at == NOW - hour
    assert await left(repository) == [
        VoiceSession(GUILD, ADA, NOW - 5 * hour, LOUNGE, NOW - 3 * hour)
    ]


@pytest.mark.usefixtures("history")
async def test_undo_goes_around_what_lies_there_now(
    reset: VoiceReset, repository: Repository
) -> None:
    await reset.reset(GUILD, ResetScope(user_id=ADA), removal_id=1, asked_by=5)
    await repository.voice_sessions.insert_many(
        [
            session(ADA, 0, 0),  # only its moment is taken
            session(ADA, 2, 3),  # all of one
            session(ADA, 21, 22),
            session(ADA, 25, 40),
        ]
    )
    restored = await reset.undo(GUILD, 1)
    assert (restored.sessions, restored.collided) == (2, 3)
    rows = [row for row in await left(repository) if (row.guild_id, row.user_id) == (GUILD, ADA)]
    for one, next_one in pairwise(rows):
        assert one.left_at <= next_one.joined_at
    # 2 h, 1 h (now elsewhere), 4 h of 10 around 1 h + 15 h that are there now.
    microsecond = timedelta(microseconds=1)
    assert await total(repository, ADA) == timedelta(hours=2 + 1 + 4 + 16) - microsecond
    assert await sound(repository)


@pytest.mark.usefixtures("history")
async def test_undo_is_for_a_day_and_once(
    reset: VoiceReset, repository: Repository, clock: ManualClock
) -> None:
    await reset.reset(GUILD, ResetScope(user_id=ADA), removal_id=1, asked_by=5)
    await reset.undo(GUILD, 1)
    with pytest.raises(ResetRefused, match="undone already"):
        await reset.undo(GUILD, 1)
    await reset.reset(GUILD, ResetScope(user_id=BOB), removal_id=2, asked_by=5)
    assert await reset.purge() == 0
    clock.advance(days=1, seconds=1)
    with pytest.raises(ResetRefused, match="more than a day"):
        await reset.undo(GUILD, 2)
    assert await reset.purge() == 2
    assert await repository.voice_removed_sessions.count() == 0
    assert await repository.voice_removals.count() == 0
    with pytest.raises(ResetRefused, match="more than a day"):
        await reset.undo(GUILD, 2)
    assert await total(repository) == timedelta(hours=13)


@pytest.mark.usefixtures("history")
async def test_the_resets_of_a_day_are_undone_from_the_last_to_the_first(
    reset: VoiceReset, repository: Repository, clock: ManualClock
) -> None:
    with pytest.raises(ResetRefused, match="no reset of the last day"):
        await reset.undo_last(GUILD)
    before = await left(repository)
    for removal_id, user_id in ((3, ADA), (2, BOB)):
        await reset.reset(GUILD, ResetScope(user_id=user_id), removal_id=removal_id, asked_by=5)
        clock.advance(minutes=1)
    await reset.undo_last(GUILD)
    assert {row.user_id for row in await left(repository) if row.guild_id == GUILD} == {BOB}
    await reset.undo_last(GUILD)
    assert await left(repository) == before
    with pytest.raises(ResetRefused, match="no reset of the last day"):
        await reset.undo_last(GUILD)


@pytest.mark.usefixtures("history")
async def test_a_clock_set_back_still_undoes(reset: VoiceReset, clock: ManualClock) -> None:
    await reset.reset(GUILD, ResetScope(user_id=ADA), removal_id=1, asked_by=5)
    clock.advance(hours=-5)
    assert (await reset.undo(GUILD, 1)).sessions == 3


@pytest.mark.usefixtures("history")
async def test_two_at_once(reset: VoiceReset, repository: Repository) -> None:
    results = await asyncio.gather(
        reset.reset(GUILD, ResetScope(), removal_id=1, asked_by=5),
        reset.reset(GUILD, ResetScope(), removal_id=2, asked_by=6),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [VoiceRemoval, ResetRefused]
    undone = await asyncio.gather(
        reset.undo(GUILD, 1), reset.undo(GUILD, 1), return_exceptions=True
    )
    assert sum(isinstance(result, ResetRefused) for result in undone) == 1
    assert await left(repository) == [*SESSIONS, OTHER]


@pytest.mark.parametrize("broken_after", [0, 1, 3])
async def test_what_was_left_half_done_is_finished(
    reset: VoiceReset,
    repository: Repository,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    broken_after: int,
) -> None:
    monkeypatch.setattr(removed_sessions, "BATCH", 10)
    rows = [session(user, n, n + 0.5) for user in (1, 2, 3) for n in range(25)]
    rows += [session(user, 0, 1) for user in range(4, 20)]
    await repository.voice_sessions.insert_many(rows)

    class Killed(BaseException):
        pass

    table = type(repository.voice_removed_sessions)
    take, calls = table.take, 0

    async def take_some(*these: Any, **arguments: Any) -> int:
        nonlocal calls
        if calls == broken_after:
            raise Killed
        calls += 1
        return await take(*these, **arguments)

    monkeypatch.setattr(table, "take", take_some)
    with pytest.raises(Killed):
        await reset.reset(GUILD, ResetScope(), removal_id=1, asked_by=5)
    monkeypatch.setattr(table, "take", take)

    later = VoiceReset(repository, clock)
    with pytest.raises(ResetRefused, match="isn't finished"):
        await later.undo_last(GUILD)
    with pytest.raises(ResetRefused, match="isn't finished"):
        await later.reset(GUILD, ResetScope(), removal_id=2, asked_by=5)
    clock.advance(hours=1)
    await repository.voice_sessions.insert(VoiceSession(GUILD, 1, NOW, LOUNGE, clock.now()))
    assert await later.finish() == 1
    last = await repository.voice_removals.select((GUILD, 1))
    assert last is not None
    assert (last.phase, last.sessions) == ("removed", len(rows))
    assert len(await left(repository)) == 1, "what came after the reset stays"
    assert (await later.undo(GUILD, 1)).sessions == len(rows)
    assert len(await left(repository)) == len(rows) + 1
    assert await sound(repository)


async def test_one_that_cannot_be_finished_holds_up_no_other(
    reset: VoiceReset, repository: Repository, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = type(repository.voice_removed_sessions)
    take = table.take

    async def broken(this: Any, *, guild_id: int, **arguments: Any) -> int:
        if guild_id in unlucky:
            raise DatabaseBusy
        return await take(this, guild_id=guild_id, **arguments)

    monkeypatch.setattr(table, "take", broken)
    await repository.voice_sessions.insert_many([*SESSIONS, OTHER])
    unlucky = {GUILD, OTHER.guild_id}
    for guild_id in (GUILD, OTHER.guild_id):
        with pytest.raises(DatabaseBusy):
            await reset.reset(guild_id, ResetScope(), removal_id=1, asked_by=5)
        clock.advance(minutes=1)
    unlucky = {GUILD}
    with capture_logs() as logs:
        assert await reset.finish() == 1
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "voice_reset_unfinished"
    ]
    assert await left(repository) == SESSIONS
    unlucky = set()
    assert await reset.finish() == 1
    assert await left(repository) == []


async def test_a_session_that_ends_meanwhile_is_kept_or_taken_never_lost(
    migrated_postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite has one writer: nothing is stored between two statements of a transaction.
    repository = await Repository.open(migrated_postgres_url)
    reset = VoiceReset(repository, clock)
    await repository.voice_sessions.insert_many(SESSIONS)
    forget, late = type(repository.voice_sessions).forget, [session(ADA, 40, 41)]

    async def forget_late(table: Any, **arguments: Any) -> int:
        if late:
            await repository.voice_sessions.insert(late.pop())
        return await forget(table, **arguments)

    monkeypatch.setattr(type(repository.voice_sessions), "forget", forget_late)
    removal = await reset.reset(GUILD, ResetScope(), removal_id=1, asked_by=5)
    assert (removal.sessions, removal.total) == (6, timedelta(hours=19))
    assert await left(repository) == []
    await reset.undo(GUILD, 1)
    assert await total(repository) == timedelta(hours=19)
    assert await sound(repository)
    await repository.close()


@pytest.mark.usefixtures("history")
async def test_what_the_database_gives_up_is_done_again(
    reset: VoiceReset, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL does, of two transactions that wait for each other: this one and voice events."""
    given_up = 0

    def now_and_then(table: type, name: str) -> None:
        method = getattr(table, name)
        calls = 0

        async def twice_not(this: Any, **arguments: Any) -> int:
            nonlocal calls, given_up
            calls += 1
            if calls <= 2:
                given_up += 1
                raise DatabaseBusy
            return await method(this, **arguments)

        monkeypatch.setattr(table, name, twice_not)

    now_and_then(type(repository.voice_sessions), "forget")
    now_and_then(type(repository.voice_removed_sessions), "drop_through")
    assert (await reset.reset(GUILD, ResetScope(), removal_id=1, asked_by=5)).sessions == 5
    assert (await reset.undo(GUILD, 1)).sessions == 5
    assert given_up == 4
    assert await left(repository) == [*SESSIONS, OTHER]
    assert await sound(repository)

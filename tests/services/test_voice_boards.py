"""Boards that channels get by themselves: when, what, and only once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from pwrbot.clock import ManualClock
from pwrbot.entities import (
    OpenVoiceSession,
    Settings,
    VoiceBoardKind,
    VoiceRemovalPhase,
    VoiceSession,
)
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseBusy, DatabaseUnavailable
from pwrbot.services.board_times import last_day, next_post, period_before
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice_boards import (
    MOST_BOARDS,
    MOST_MINUTES,
    MessageGone,
    PostedBoard,
    TooManyBoards,
    Unpostable,
    VoiceBoards,
)
from tests.services.house import half_done

BERLIN = ZoneInfo("Europe/Berlin")
GUILD, CHANNEL, ADA, BOB = 7, 3, 1, 2
NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "hour", "weekday", "after", "then"),
    [
        ("day", 9, 0, "2026-03-18 12:00", "2026-03-19 08:00"),
        ("day", 9, 0, "2026-03-18 07:59", "2026-03-18 08:00"),
        ("day", 9, 0, "2026-03-18 08:00", "2026-03-19 08:00"),
        # Clocks go forward on 29 March at 01:00 UTC: nine is an hour earlier in UTC.
        ("day", 9, 0, "2026-03-28 08:00", "2026-03-29 07:00"),
        # Two is skipped that night; the clocks show three.
        ("day", 2, 0, "2026-03-28 12:00", "2026-03-29 01:00"),
        ("day", 2, 0, "2026-03-29 01:00", "2026-03-30 00:00"),
        # Two comes twice on 25 October: the first counts, and it counts once.
        ("day", 2, 0, "2026-10-24 12:00", "2026-10-25 00:00"),
        ("day", 2, 0, "2026-10-25 00:00", "2026-10-26 01:00"),
        ("week", 0, 0, "2026-03-18 12:00", "2026-03-22 23:00"),
        ("week", 23, 6, "2026-03-18 12:00", "2026-03-22 22:00"),
        ("month", 9, 0, "2026-03-18 12:00", "2026-04-01 07:00"),
        ("month", 0, 0, "2026-12-31 23:00", "2027-01-31 23:00"),
    ],
)
def test_the_next_time(
    kind: VoiceBoardKind, hour: int, weekday: int, after: str, then: str
) -> None:
    assert next_post(kind, hour, weekday, utc(after), BERLIN) == utc(then)
    day = last_day(kind, hour, weekday, utc(then), BERLIN)
    assert day == utc(then).astimezone(BERLIN).date()
    assert last_day(kind, hour, weekday, utc(then) - timedelta(seconds=1), BERLIN) < day


@pytest.mark.parametrize(
    ("kind", "day", "since", "until"),
    [
        ("day", "2026-03-30", "2026-03-28 23:00", "2026-03-29 22:00"),  # 23 hours
        ("day", "2026-10-26", "2026-10-24 22:00", "2026-10-25 23:00"),  # 25 hours
        ("week", "2026-03-30", "2026-03-22 23:00", "2026-03-29 22:00"),
        ("month", "2026-04-01", "2026-02-28 23:00", "2026-03-31 22:00"),
        ("month", "2026-01-01", "2025-11-30 23:00", "2025-12-31 23:00"),
    ],
)
def test_what_it_shows(kind: VoiceBoardKind, day: str, since: str, until: str) -> None:
    assert period_before(kind, date.fromisoformat(day), BERLIN) == (utc(since), utc(until))


class Channel:
    """A poster that keeps what was posted."""

    def __init__(self) -> None:
        self.messages: dict[int, PostedBoard] = {}
        self.posts: list[PostedBoard] = []
        self.edits = 0
        self.attempts = 0
        self.trouble: Unpostable | None = None

    async def post(self, channel_id: int, board: PostedBoard) -> int:
        self._check()
        await asyncio.sleep(0)
        self.posts.append(board)
        self.messages[len(self.posts)] = board
        return len(self.posts)

    async def edit(self, channel_id: int, message_id: int, board: PostedBoard) -> None:
        self._check()
        if message_id not in self.messages:
            raise MessageGone
        self.edits += 1
        self.messages[message_id] = board

    def _check(self) -> None:
        self.attempts += 1
        if self.trouble is not None:
            raise self.trouble


class Scene(msgspec.Struct):
    boards: VoiceBoards
    settings: SettingsService
    clock: ManualClock
    channel: Any

    async def problem(self) -> str | None:
        [board] = await self.boards.of_guild(GUILD)
        return board.problem


def scene_of(
    repository: Repository, clock: ManualClock, channel: Channel, host_zone: str = "UTC"
) -> Scene:
    settings = SettingsService(repository, clock, host_zone)
    statistics = VoiceStatistics(repository, clock, settings)
    boards = VoiceBoards(repository, clock, settings, statistics)
    return Scene(boards, settings, clock, channel)


@pytest.fixture
async def scene(repository: Repository) -> Scene:
    day = utc("2026-03-18 00:00")
    hour = timedelta(hours=1)
    await repository.voice_sessions.insert_many(
        [
            VoiceSession(GUILD, ADA, day + hour, 10, day + 3 * hour),
            VoiceSession(GUILD, BOB, day + 23 * hour, 10, day + 26 * hour),
            VoiceSession(8, BOB, day, 10, day + hour),
        ]
    )
    return scene_of(repository, ManualClock(NOW), Channel())


async def test_it_is_posted_once_whoever_looks_and_however_often(
    scene: Scene, repository: Repository
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.boards.look(scene.channel)
    assert scene.channel.posts == []
    scene.clock.set(utc("2026-03-19 09:00"))
    again = scene_of(repository, scene.clock, scene.channel)
    await asyncio.gather(scene.boards.look(scene.channel), again.boards.look(scene.channel))
    await again.boards.look(scene.channel)
    [posted] = scene.channel.posts
    assert posted.title == "Voice leaderboard: yesterday"
    assert [(row.user_id, row.total) for row in posted.rows] == [
        (ADA, timedelta(hours=2)),
        (BOB, timedelta(hours=1)),
    ]


async def test_who_looks_while_it_is_being_claimed_posts_nothing(
    scene: Scene, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    again = scene_of(repository, scene.clock, scene.channel)
    table, others = type(repository.voice_boards), list[asyncio.Task[int]]()
    claim = table.claim

    async def claimed_slowly(this: Any, **arguments: Any) -> int:
        claimed = await claim(this, **arguments)
        if not others:
            others.append(asyncio.create_task(again.boards.look(scene.channel)))
            await asyncio.sleep(0.2)
        return claimed

    monkeypatch.setattr(table, "claim", claimed_slowly)
    await scene.boards.look(scene.channel)
    await asyncio.gather(*others)
    await again.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1


async def test_the_last_hour_of_a_day_skipped_by_the_clocks_costs_no_post(
    repository: Repository,
) -> None:
    """In Nuuk 23:00 of 28 March 2026 is midnight, and so on the 29th."""
    scene = scene_of(repository, ManualClock(NOW), Channel(), "America/Nuuk")
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=23)
    for moment in ("2026-03-28 01:00", "2026-03-29 01:00", "2026-03-30 00:00"):
        scene.clock.set(utc(moment))
        await scene.boards.look(scene.channel)
    assert [board.until for board in scene.channel.posts] == [
        utc("2026-03-27 02:00"),
        utc("2026-03-28 02:00"),
        utc("2026-03-29 01:00"),
    ]


async def test_a_clock_set_back_posts_nothing_twice(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    await scene.boards.look(scene.channel)
    scene.clock.advance(hours=-1)
    await scene.boards.look(scene.channel)
    scene.clock.advance(hours=1)
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_ran_a_year_ahead(
    scene: Scene, repository: Repository, restarted: bool
) -> None:
    scene.clock.advance(days=365)
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.boards.keep_current(GUILD, CHANNEL, Range.TODAY, 10)
    await scene.boards.look(scene.channel)
    scene.clock.set(NOW)
    if restarted:
        scene = scene_of(repository, scene.clock, scene.channel)
    await scene.boards.look(scene.channel)
    assert {board.kind: board.next_at for board in await scene.boards.of_guild(GUILD)} == {
        "day": utc("2026-03-19 09:00"),
        "live": NOW + timedelta(minutes=10),
    }
    scene.clock.set(utc("2026-03-19 09:00"))
    await scene.boards.look(scene.channel)
    assert [board.until for board in scene.channel.posts if board.minutes is None] == [
        utc("2026-03-19 00:00")
    ]


async def test_days_away_give_one_post(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.advance(days=5)
    await scene.boards.look(scene.channel)
    await scene.boards.look(scene.channel)
    [posted] = scene.channel.posts
    assert posted.until == utc("2026-03-23 00:00")


async def test_another_zone_is_another_moment(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.settings.update(GUILD, lambda _: Settings(timezone="Asia/Tokyo"))
    await scene.boards.look(scene.channel)
    [board] = await scene.boards.of_guild(GUILD)
    assert board.next_at == utc("2026-03-19 00:00")


@pytest.mark.parametrize(
    ("kind", "first", "planned", "later"),
    [
        ("day", "2026-03-19 09:00", "2026-03-20 09:00", "2026-03-20 13:00"),
        ("week", "2026-03-23 09:00", "2026-03-30 09:00", "2026-03-30 13:00"),
        ("month", "2026-04-01 09:00", "2026-05-01 09:00", "2026-05-01 13:00"),
    ],
)
@pytest.mark.parametrize("away", [False, True])
async def test_another_zone_of_the_host_repeats_nothing(
    scene: Scene,
    repository: Repository,
    kind: VoiceBoardKind,
    first: str,
    planned: str,
    later: str,
    away: bool,
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, kind, hour=9)
    scene.clock.set(utc(first))
    await scene.boards.look(scene.channel)
    again = scene_of(repository, scene.clock, scene.channel, "America/New_York")
    for moment in (planned,) if away else (first, first[:10] + " 13:00", planned):
        scene.clock.set(utc(moment))
        await again.boards.look(scene.channel)
    [board] = await again.boards.of_guild(GUILD)
    assert board.next_at == utc(later)
    assert len(scene.channel.posts) == 1
    scene.clock.set(utc(later))
    await again.boards.look(scene.channel)
    [_, posted] = scene.channel.posts
    assert posted.until == utc(later[:10] + " 04:00")


async def test_a_zone_changed_just_before_the_end_is_followed_at_the_start(
    scene: Scene, repository: Repository
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "month", hour=9)
    await scene.settings.update(GUILD, lambda _: Settings(timezone="America/New_York"))
    again = scene_of(repository, scene.clock, scene.channel)
    await again.boards.look(scene.channel)
    [board] = await again.boards.of_guild(GUILD)
    assert board.next_at == utc("2026-04-01 13:00")


async def test_a_zone_in_which_the_time_has_just_passed_leaves_nothing_out(
    scene: Scene, repository: Repository
) -> None:
    new_york = scene_of(repository, scene.clock, scene.channel, "America/New_York")
    await new_york.boards.schedule(GUILD, CHANNEL, "month", hour=9)
    scene.clock.set(utc("2026-04-01 10:00"))
    await scene.boards.look(scene.channel)
    await scene.boards.look(scene.channel)
    [posted] = scene.channel.posts
    assert posted.until == utc("2026-04-01 00:00")
    [board] = await scene.boards.of_guild(GUILD)
    assert board.next_at == utc("2026-05-01 09:00")


@pytest.mark.parametrize("kind", ["day", "week", "month"])
async def test_a_zone_set_after_the_board_leaves_its_first_post_in(
    scene: Scene, kind: VoiceBoardKind
) -> None:
    scene.clock.set(utc("2026-06-01 12:00"))  # a Monday
    await scene.boards.schedule(GUILD, CHANNEL, kind, hour=9)
    await scene.settings.update(GUILD, lambda _: Settings(timezone="America/New_York"))
    await scene.boards.look(scene.channel)
    assert scene.channel.posts == []
    scene.clock.set(utc("2026-06-01 13:00"))
    await scene.boards.look(scene.channel)
    [posted] = scene.channel.posts
    assert posted.until == utc("2026-06-01 04:00")


async def test_a_board_made_anew_in_another_zone_repeats_nothing(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    await scene.boards.look(scene.channel)
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.settings.update(GUILD, lambda _: Settings(timezone="America/New_York"))
    await scene.boards.look(scene.channel)
    scene.clock.set(utc("2026-03-19 13:00"))
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1


async def test_a_zone_is_followed_although_the_database_was_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.boards.look(scene.channel)
    await scene.settings.update(GUILD, lambda _: Settings(timezone="Asia/Tokyo"))

    async def away(_: int) -> None:
        raise DatabaseUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr(scene.boards, "of_guild", away)
        with pytest.raises(DatabaseUnavailable):
            await scene.boards.look(scene.channel)
    await scene.boards.look(scene.channel)
    [board] = await scene.boards.of_guild(GUILD)
    assert board.next_at == utc("2026-03-19 00:00")


async def test_a_post_cut_short_is_left_out_also_over_restarts(
    scene: Scene, repository: Repository
) -> None:
    class Fatal(Channel):
        async def post(self, channel_id: int, board: PostedBoard) -> int:
            raise asyncio.CancelledError

    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    with pytest.raises(asyncio.CancelledError):
        await scene.boards.look(Fatal())
    again = scene_of(repository, scene.clock, scene.channel, "America/New_York")
    await again.boards.look(scene.channel)
    assert scene.channel.posts == []


async def test_what_may_not_be_posted_says_why_and_waits(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    scene.channel.trouble = Unpostable("The channel was deleted.")
    for _ in range(3):
        await scene.boards.look(scene.channel)
        scene.clock.advance(minutes=30)
    assert scene.channel.attempts == 1
    assert await scene.problem() == "The channel was deleted."
    scene.channel.trouble = None
    scene.clock.advance(days=1)
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1
    assert await scene.problem() is None


async def test_what_discord_did_not_take_is_posted_later(scene: Scene) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    scene.channel.trouble = Unpostable("Discord is in trouble.", again=True)
    await scene.boards.look(scene.channel)
    await scene.boards.look(scene.channel)
    assert scene.channel.attempts == 1
    scene.channel.trouble = None
    scene.clock.advance(minutes=10)
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1


async def test_what_discord_did_not_take_is_posted_after_a_restart(
    scene: Scene, repository: Repository
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    scene.channel.trouble = Unpostable("Discord is in trouble.", again=True)
    await scene.boards.look(scene.channel)
    scene.channel.trouble = None
    scene.clock.advance(minutes=1)
    again = scene_of(repository, scene.clock, scene.channel)
    await again.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1


async def test_a_live_board_changes_only_when_there_is_news(
    scene: Scene, repository: Repository
) -> None:
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, 10)
    for _ in range(3):
        await scene.boards.look(scene.channel)
        scene.clock.advance(minutes=10)
    assert (len(scene.channel.posts), scene.channel.edits) == (1, 0)
    await repository.open_voice_sessions.insert(
        OpenVoiceSession(GUILD, ADA, 10, scene.clock.now() - timedelta(minutes=5))
    )
    await scene.boards.look(scene.channel)
    assert scene.channel.edits == 1
    scene.clock.advance(minutes=9)
    await scene.boards.look(scene.channel)
    assert scene.channel.edits == 1, "at most every ten minutes"


async def test_a_live_board_that_was_deleted_is_posted_anew(
    scene: Scene, repository: Repository
) -> None:
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, 5)
    await scene.boards.look(scene.channel)
    scene.channel.messages.clear()
    await repository.voice_sessions.insert(
        VoiceSession(GUILD, ADA, NOW - timedelta(hours=9), 10, NOW - timedelta(hours=8))
    )
    scene.clock.advance(minutes=5)
    await scene.boards.look(scene.channel)
    assert list(scene.channel.messages) == [2]


async def test_a_live_board_without_permission_tries_once_an_hour(scene: Scene) -> None:
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, 5)
    scene.channel.trouble = Unpostable("I may not.")
    for _ in range(12):
        await scene.boards.look(scene.channel)
        scene.clock.advance(minutes=5)
    assert scene.channel.attempts == 1
    assert await scene.problem() == "I may not."
    scene.channel.trouble = None
    await scene.boards.look(scene.channel)
    assert await scene.problem() is None


async def test_everybody_s_morning_is_posted_in_one_look(scene: Scene) -> None:
    """Most servers keep to nine o'clock, UTC."""
    for number in range(120):
        await scene.boards.schedule(GUILD + number, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    assert await scene.boards.look(scene.channel) == 120
    assert len(scene.channel.posts) == 120
    assert await scene.boards.look(scene.channel) == 0


async def test_boards_that_fail_are_left_to_the_next_look(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(120):
        await scene.boards.schedule(GUILD + number, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    attempts = 0

    async def broken(*_: object) -> None:
        nonlocal attempts
        attempts += 1
        raise DatabaseUnavailable()

    monkeypatch.setattr(scene.boards, "_post", broken)
    await scene.boards.look(scene.channel)
    assert 0 < attempts < 120


async def test_a_moment_without_the_database_leaves_nothing_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise DatabaseBusy

    await scene.boards.schedule(GUILD, CHANNEL, "month", hour=9)
    scene.clock.set(utc("2026-04-01 09:00"))
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, MOST_MINUTES)
    with monkeypatch.context() as patch:
        patch.setattr(VoiceStatistics, "totals", busy)
        await scene.boards.look(scene.channel)
    assert scene.channel.posts == []
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 2


@pytest.mark.parametrize("phase", ["removing", "restoring"])
async def test_half_a_reset_is_not_shown(
    scene: Scene, repository: Repository, phase: VoiceRemovalPhase
) -> None:
    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    await scene.boards.schedule(8, CHANNEL, "day", hour=9)
    scene.clock.set(utc("2026-03-19 09:00"))
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, MOST_MINUTES)
    removal = await repository.voice_removals.insert(half_done(GUILD, phase, scene.clock.now()))
    await scene.boards.look(scene.channel)
    assert [board.guild_id for board in scene.channel.posts] == [8]
    await repository.voice_removals.update(replace(removal, phase="removed"))
    scene.clock.advance(minutes=2)
    await scene.boards.look(scene.channel)
    assert [board.guild_id for board in scene.channel.posts] == [8, GUILD, GUILD]


async def test_a_server_has_ten_at_most(scene: Scene) -> None:
    for channel_id in range(1, MOST_BOARDS + 1):
        await scene.boards.keep_current(GUILD, channel_id, Range.TODAY, 10)
    await scene.boards.keep_current(GUILD, 1, Range.ALL_TIME, 10)
    with pytest.raises(TooManyBoards):
        await scene.boards.schedule(GUILD, 1, "day", hour=9)
    assert await scene.boards.remove(GUILD, 1, "day") == 0
    assert await scene.boards.remove(GUILD, 1, None) == 1
    assert len(await scene.boards.of_guild(GUILD)) == MOST_BOARDS - 1


async def test_a_live_board_that_is_made_anew_keeps_its_message(scene: Scene) -> None:
    await scene.boards.keep_current(GUILD, CHANNEL, Range.ALL_TIME, 5)
    await scene.boards.look(scene.channel)
    await scene.boards.keep_current(GUILD, CHANNEL, Range.PAST_7_DAYS, 60)
    await scene.boards.look(scene.channel)
    assert len(scene.channel.posts) == 1
    assert scene.channel.messages[1].title == "Voice leaderboard: past 7 days"


async def test_an_empty_live_board_says_of_which_day_it_is(scene: Scene) -> None:
    scene.clock.set(utc("2026-04-10 12:00"))
    await scene.boards.keep_current(GUILD, CHANNEL, Range.TODAY, 5)
    for _ in range(3):
        await scene.boards.look(scene.channel)
        scene.clock.advance(hours=1)
    assert scene.channel.edits == 0
    scene.clock.set(utc("2026-04-11 12:00"))
    await scene.boards.look(scene.channel)
    assert scene.channel.messages[1].since == utc("2026-04-11 00:00")


async def test_a_posting_that_is_tried_again_is_known_by_its_key(scene: Scene) -> None:
    keys: list[str] = []

    class Deaf(Channel):
        async def post(self, channel_id: int, board: PostedBoard) -> int:
            keys.append(board.key)
            raise Unpostable("Discord is in trouble.", again=True)

    await scene.boards.schedule(GUILD, CHANNEL, "day", hour=9)
    for moment in ("2026-03-19 09:00", "2026-03-19 09:02", "2026-03-20 09:00"):
        scene.clock.set(utc(moment))
        await scene.boards.look(Deaf())
    assert keys[0] == keys[1] != keys[2]

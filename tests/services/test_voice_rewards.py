"""Roles for time in voice: who gets one, who loses it, and whose the bot never touches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from pwrbot.clock import ManualClock
from pwrbot.entities import VoiceDeparture, VoiceRemovalPhase, VoiceSession
from pwrbot.repository import Repository
from pwrbot.services.ranges import Range
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.services.voice_rewards import (
    CALLS,
    EVERY,
    MOST_REWARDS,
    ROLE_DELETED,
    MemberGone,
    Membership,
    RewardRefused,
    RoleTrouble,
    VoiceRewards,
)
from tests.services.house import half_done

GUILD, ROLE, ADA, BOB, CY = 7, 30, 1, 2, 3
NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
JOINED = NOW - timedelta(days=400)
HOUR = timedelta(hours=1)


class Server:
    """Roles as Discord keeps them; every call is counted."""

    def __init__(self, *members: int) -> None:
        self.roles: dict[int, set[int]] = {member: set() for member in members}
        self.joined: dict[int, datetime] = {}
        self.blocked: str | None = None
        self.trouble: str | None = None
        self.calls = 0
        self.changes = 0

    def obstacle(self, guild_id: int, role_id: int) -> str | None:
        return self.blocked

    async def member(self, guild_id: int, user_id: int) -> Membership:
        self._call(user_id)
        return Membership(frozenset(self.roles[user_id]), self.joined.get(user_id, JOINED))

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
        self._call(user_id, change=True)
        self.roles[user_id].add(role_id)

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
        self._call(user_id, change=True)
        self.roles[user_id].discard(role_id)

    def having(self, role_id: int = ROLE) -> set[int]:
        return {user_id for user_id, roles in self.roles.items() if role_id in roles}

    def _call(self, user_id: int, *, change: bool = False) -> None:
        self.calls += 1
        if user_id not in self.roles:
            raise MemberGone
        if change:
            if self.trouble is not None:
                raise RoleTrouble(self.trouble)
            self.changes += 1


class Scene(msgspec.Struct):
    rewards: VoiceRewards
    repository: Repository
    clock: ManualClock

    async def spent(self, user_id: int, hours: float, *, ago: float = 1) -> None:
        ended = self.clock.now() - ago * HOUR
        await self.repository.voice_sessions.insert(
            VoiceSession(GUILD, user_id, ended - hours * HOUR, 10, ended)
        )

    async def problem(self) -> str | None:
        return (await self.rewards.rule(GUILD, ROLE)).problem

    async def later(self, server: Server) -> None:
        self.clock.advance(seconds=EVERY.total_seconds())
        await self.rewards.look(server)


@pytest.fixture
def scene(repository: Repository) -> Scene:
    clock = ManualClock(NOW)
    settings = SettingsService(repository, clock)
    statistics = VoiceStatistics(repository, clock, settings)
    return Scene(VoiceRewards(repository, clock, settings, statistics), repository, clock)


async def test_nothing_happens_before_it_is_enabled_and_preview_says_what_would(
    scene: Scene,
) -> None:
    await scene.spent(ADA, 5)
    await scene.spent(BOB, 1)
    server = Server(ADA, BOB)
    await scene.rewards.add(GUILD, ROLE, Range.PAST_7_DAYS, least=2 * HOUR)
    await scene.rewards.look(server)
    assert server.calls == 0
    preview = await scene.rewards.preview(GUILD, ROLE)
    assert (list(preview.getting), list(preview.losing), preview.keeping) == ([ADA], [], 0)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {ADA}
    preview = await scene.rewards.preview(GUILD, ROLE)
    assert (list(preview.getting), list(preview.losing), preview.keeping) == ([], [], 1)


async def test_it_is_given_and_taken_back(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA, BOB)
    await scene.rewards.add(GUILD, ROLE, Range.PAST_24_HOURS, least=5 * HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {ADA}
    calls = server.calls
    await scene.later(server)
    assert server.calls == calls, "only what differs"
    scene.clock.advance(hours=24)
    await scene.spent(BOB, 5)
    await scene.rewards.look(server)
    assert server.having() == {BOB}


async def test_the_first_ones(scene: Scene) -> None:
    for user_id, hours in ((ADA, 3), (BOB, 2), (CY, 1)):
        await scene.spent(user_id, hours)
    server = Server(ADA, BOB, CY)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, top=2)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {ADA, BOB}
    await scene.spent(CY, 9, ago=30)
    await scene.later(server)
    assert server.having() == {ADA, CY}


async def test_who_left_is_not_among_the_first(scene: Scene) -> None:
    for user_id, hours in ((ADA, 3), (BOB, 2)):
        await scene.spent(user_id, hours)
    server = Server(BOB)
    await scene.repository.voice_departures.insert(VoiceDeparture(GUILD, ADA, "ada", NOW))
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, top=1)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {BOB}


async def test_a_role_the_bot_did_not_give_is_never_taken(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA, BOB)
    server.roles[ADA].add(ROLE)  # earned, and had before
    server.roles[BOB].add(ROLE)  # never earned
    await scene.rewards.add(GUILD, ROLE, Range.PAST_24_HOURS, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    scene.clock.advance(days=2)
    await scene.rewards.look(server)
    await scene.rewards.remove(GUILD, ROLE, take_back=True)
    await scene.rewards.look(server)
    assert server.having() == {ADA, BOB}
    assert server.changes == 0
    assert await scene.rewards.of_guild(GUILD) == []


async def test_what_a_moderator_took_stays_taken_and_who_came_back_gets_it_again(
    scene: Scene,
) -> None:
    await scene.spent(ADA, 5)
    await scene.spent(BOB, 5)
    server = Server(ADA, BOB)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    server.roles[ADA].clear()
    server.roles[BOB].clear()
    server.joined[BOB] = NOW + HOUR
    scene.clock.advance(days=2)
    await scene.rewards.look(server)
    assert server.having() == {BOB}


async def test_calls_are_bounded_and_the_rest_follows(scene: Scene) -> None:
    members = range(1, 41)
    for user_id in members:
        await scene.spent(user_id, 2)
    server = Server(*members)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    looks = 0
    while len(server.having()) < len(members):
        before = server.calls
        await scene.rewards.look(server)
        assert 0 < server.calls - before <= CALLS
        scene.clock.advance(minutes=1)
        looks += 1
    assert looks == 3


@pytest.mark.parametrize("known_before", [True, False])
async def test_what_stops_it_is_said_and_not_tried_for_ever(
    scene: Scene, known_before: bool
) -> None:
    await scene.spent(ADA, 5)
    await scene.spent(BOB, 5)
    server = Server(ADA, BOB)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    if known_before:
        server.blocked = "I need the permission Manage Roles."
    else:
        server.trouble = "The role was deleted."
    for _ in range(5):
        await scene.later(server)
    assert server.calls == (0 if known_before else 2)
    assert await scene.problem() == (server.blocked or server.trouble)
    server.blocked = server.trouble = None
    scene.clock.advance(hours=1)
    await scene.rewards.look(server)
    assert server.having() == {ADA, BOB}
    assert await scene.problem() is None


async def test_no_rule_waits_for_many_others(scene: Scene) -> None:
    for number in range(60):
        await scene.rewards.add(GUILD + number, ROLE, Range.ALL_TIME, top=1)
        await scene.rewards.enable(GUILD + number, ROLE, True)
    assert await scene.rewards.look(Server()) == 60
    assert await scene.rewards.look(Server()) == 0


async def test_members_who_are_gone(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    await scene.spent(BOB, 5)
    server = Server(BOB)
    await scene.rewards.add(GUILD, ROLE, Range.PAST_24_HOURS, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {BOB}
    assert await scene.problem() is None
    del server.roles[BOB]
    scene.clock.advance(days=3)
    await scene.rewards.look(server)
    assert await scene.repository.voice_reward_holders.count() == 0


async def test_a_clock_that_ran_ahead(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA)
    scene.clock.advance(days=365)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    scene.clock.set(NOW)
    await scene.rewards.look(server)
    assert server.having() == {ADA}


async def test_removed_at_once_or_after_taking_back(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA)
    for take_back, having in ((False, {ADA}), (True, set[int]())):
        server.roles[ADA].clear()
        await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
        await scene.rewards.enable(GUILD, ROLE, True)
        await scene.rewards.look(server)
        await scene.rewards.remove(GUILD, ROLE, take_back=take_back)
        await scene.rewards.look(server)
        assert server.having() == having
        assert await scene.rewards.of_guild(GUILD) == []
        assert await scene.repository.voice_reward_holders.count() == 0


async def test_rules_that_are_refused(scene: Scene) -> None:
    with pytest.raises(RewardRefused, match="either hours or top"):
        await scene.rewards.add(GUILD, ROLE, Range.TODAY)
    with pytest.raises(RewardRefused, match="either hours or top"):
        await scene.rewards.add(GUILD, ROLE, Range.TODAY, least=HOUR, top=3)
    for call in (
        scene.rewards.preview(GUILD, ROLE),
        scene.rewards.enable(GUILD, ROLE, True),
        scene.rewards.remove(GUILD, ROLE, take_back=False),
    ):
        with pytest.raises(RewardRefused, match="no rule"):
            await call
    for role_id in range(MOST_REWARDS):
        await scene.rewards.add(GUILD, role_id, Range.TODAY, top=1)
    with pytest.raises(RewardRefused, match="at most 10"):
        await scene.rewards.add(GUILD, ROLE, Range.TODAY, top=1)


async def test_preview_takes_the_role_from_nobody_who_had_it_before(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    await scene.spent(BOB, 5)
    server = Server(ADA, BOB)
    server.roles[ADA].add(ROLE)
    await scene.rewards.add(GUILD, ROLE, Range.PAST_24_HOURS, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    scene.clock.advance(days=2)
    preview = await scene.rewards.preview(GUILD, ROLE)
    await scene.rewards.look(server)
    assert server.having() == {ADA}
    assert list(preview.losing) == [BOB]


async def test_a_role_given_by_a_call_whose_answer_was_lost_is_taken_back(scene: Scene) -> None:
    class Silent(Server):
        async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
            await super().give(guild_id, user_id, role_id)
            raise RoleTrouble("Discord can't be reached.")

    await scene.spent(ADA, 5)
    server = Silent(ADA)
    await scene.rewards.add(GUILD, ROLE, Range.PAST_24_HOURS, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {ADA}
    for _ in range(50):
        scene.clock.advance(hours=1)
        await scene.rewards.look(server)
    assert server.having() == set()
    assert await scene.repository.voice_reward_holders.count() == 0


async def test_a_rule_changed_while_it_is_looked_at_is_left_to_the_next_look(
    scene: Scene,
) -> None:
    class Interrupted(Server):
        async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
            await super().take(guild_id, user_id, role_id)
            await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, top=3)

        async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
            await super().give(guild_id, user_id, role_id)
            await scene.rewards.enable(GUILD, ROLE, False)

    for user_id in (ADA, BOB, CY):
        await scene.spent(user_id, 5)
    server = Interrupted(ADA, BOB, CY)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    assert server.having() == {ADA}, "switched off by then"
    await scene.rewards.remove(GUILD, ROLE, take_back=True)
    await scene.rewards.look(server)
    assert server.having() == set()
    assert (await scene.rewards.rule(GUILD, ROLE)).top == 3, "made anew by then"


async def test_a_rule_that_ends_does_not_wait_for_a_deleted_role(scene: Scene) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    await scene.rewards.remove(GUILD, ROLE, take_back=True)
    server.blocked = ROLE_DELETED
    await scene.rewards.look(server)
    assert await scene.rewards.of_guild(GUILD) == []
    assert await scene.repository.voice_reward_holders.count() == 0


@pytest.mark.parametrize("phase", ["removing", "restoring"])
async def test_half_a_reset_takes_no_role(scene: Scene, phase: VoiceRemovalPhase) -> None:
    await scene.spent(ADA, 5)
    server = Server(ADA)
    await scene.rewards.add(GUILD, ROLE, Range.ALL_TIME, least=HOUR)
    await scene.rewards.enable(GUILD, ROLE, True)
    await scene.rewards.look(server)
    removals = scene.repository.voice_removals
    removal = await removals.insert(half_done(GUILD, phase, scene.clock.now()))
    await scene.repository.voice_sessions.forget_user(user_id=ADA)
    await scene.later(server)
    assert server.having() == {ADA}
    await removals.update(replace(removal, phase="removed"))
    scene.clock.advance(minutes=1)
    await scene.rewards.look(server)
    assert server.having() == set()

"""What a burst of changes costs: as many statements as one change does, in one transaction."""

from __future__ import annotations

import pytest

from pwrbot.services.voice_mirror import Change, Start
from pwrbot.services.voice_store import VoiceStore
from tests.services.house import House, at, runs

HALL, DEN = 10, 11
GUILDS = 7

JOIN = {"open_voice_sessions.open": 1}
LEAVE = {"voice_sessions.end": 1, "open_voice_sessions.remove": 1}
MOVE = JOIN | LEAVE
"""Which statements each of them runs: one, two and three."""


def guild(user_id: int) -> int:
    """Those of several guilds are stored together."""
    return 1 + user_id % GUILDS


def joins(user_id: int, minute: float) -> Change:
    return Change(guild(user_id), at(minute), {}, [Start(user_id, HALL, at(minute))])


def moves(user_id: int, minute: float) -> Change:
    start = Start(user_id, DEN, at(minute))
    return Change(guild(user_id), at(minute), {at(minute): [user_id]}, [start])


def leaves(user_id: int, minute: float) -> Change:
    return Change(guild(user_id), at(minute), {at(minute): [user_id]}, [])


async def cost(house: House, *changes: Change) -> dict[str, int]:
    """The statements that ran to write these changes together."""
    store = VoiceStore(house.unsteady, house.clock)  # type: ignore[arg-type]
    for change in changes:
        store.add(change)
    house.unsteady.attempts = 0
    counted = runs(house.repository)
    assert await store.flush()
    assert house.unsteady.attempts == 1  # a transaction, or a statement by itself: one commit
    return dict(runs(house.repository) - counted)


@pytest.mark.parametrize("members", [1, 10, 200])
async def test_a_burst_costs_what_one_change_does(house: House, members: int) -> None:
    everybody = range(members)
    assert await cost(house, *(joins(user_id, 1) for user_id in everybody)) == JOIN
    assert await cost(house, *(moves(user_id, 2) for user_id in everybody)) == MOVE
    assert await cost(house, *(leaves(user_id, 4) for user_id in everybody)) == LEAVE
    assert sorted(await house.ended()) == sorted(
        session
        for user_id in everybody
        for session in [(user_id, HALL, 1, 2), (user_id, DEN, 2, 4)]
    )
    assert await house.running() == []


@pytest.mark.parametrize("members", [3, 30, 300])
async def test_a_burst_of_all_kinds_costs_what_a_move_does(house: House, members: int) -> None:
    """Where nobody comes up twice in it."""
    third = members // 3
    await cost(house, *(joins(user_id, 1) for user_id in range(2 * third)))
    burst = [
        change
        for user_id in range(third)
        for change in (
            leaves(user_id, 2),
            moves(third + user_id, 2),
            joins(2 * third + user_id, 2),
        )
    ]
    assert await cost(house, *burst) == MOVE
    assert len(await house.ended()) == 2 * third
    assert len(await house.running()) == 2 * third


@pytest.mark.parametrize("members", [1, 10, 200])
async def test_who_comes_up_twice_costs_a_round_more(house: House, members: int) -> None:
    """All join, then all leave: however many they are, the leaves are written after the joins."""
    burst = [joins(user_id, 1) for user_id in range(members)]
    burst += [leaves(user_id, 2) for user_id in range(members)]
    assert await cost(house, *burst) == JOIN | LEAVE
    assert len(await house.ended()) == members
    assert await house.running() == []


async def test_a_backlog_costs_as_many_rounds_as_one_member_needs(house: House) -> None:
    """After an outage: everybody has come and gone several times."""
    members = range(40)
    backlog = [
        change
        for user_id in members
        for minute in (1, 4, 7)
        for change in (
            joins(user_id, minute),
            moves(user_id, minute + 1),
            leaves(user_id, minute + 2),
        )
    ]
    counted = await cost(house, *backlog)
    assert max(counted.values()) <= 7
    assert sorted(await house.ended()) == sorted(
        session
        for user_id in members
        for minute in (1, 4, 7)
        for session in [(user_id, HALL, minute, minute + 1), (user_id, DEN, minute + 1, minute + 2)]
    )
    assert await house.running() == []

"""Recovery in a fleet: each process ends the sessions of its own guilds, however it was divided."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec
import pytest

from pwrbot.entities import BotMeta, OpenVoiceSession
from pwrbot.repository import Repository
from pwrbot.services.voice_heartbeat import HEARTBEAT, Beat, Heartbeat
from pwrbot.services.voice_state import GuildVoice, VoiceState
from pwrbot.shards import Shards, parse_shards
from tests.services.house import START, House, at, runs

CHANNEL = 9


def guild(number: int) -> int:
    """A guild that is on shard ``number % count``, whatever the count."""
    return number << 22 | 77


async def opens(repository: Repository, number: int, user_id: int, minute: float) -> None:
    await repository.open_voice_sessions.insert(
        OpenVoiceSession(guild(number), user_id, CHANNEL, at(minute))
    )


async def ended(repository: Repository) -> dict[int, datetime]:
    """By user: when their session ended."""
    return {row.user_id: row.left_at for row in await repository.voice_sessions.select_all()}


async def running(repository: Repository) -> set[int]:
    return {row.user_id for row in await repository.open_voice_sessions.select_all()}


async def start(repository: Repository, shards: str, minute: float) -> Heartbeat:
    """A process that has just recovered."""
    heartbeat = Heartbeat(repository, parse_shards(shards))
    await heartbeat.recover(at(minute))
    return heartbeat


async def keys(repository: Repository) -> set[str]:
    return {
        row.key.removeprefix(HEARTBEAT).strip() for row in await repository.bot_meta.select_all()
    }


async def test_the_sessions_of_others_are_left_alone(repository: Repository) -> None:
    first, second = await start(repository, "0/2", 0), await start(repository, "1/2", 0)
    for number in range(4):
        await opens(repository, number, number, 1)
    await first.beat(at(5))
    await second.beat(at(7))
    assert await Heartbeat(repository, parse_shards("0/2")).recover(at(20)) == 2
    assert await ended(repository) == {0: at(5), 2: at(5)}
    assert await running(repository) == {1, 3}
    await second.beat(at(25))
    assert await Heartbeat(repository, parse_shards("1/2")).recover(at(30)) == 2
    assert await ended(repository) == {0: at(5), 2: at(5), 1: at(25), 3: at(25)}


@pytest.mark.parametrize(
    "divided", [["0/1"], ["0/3", "1-2/3"], ["0-2/4", "3/4"], ["0,5/8", "1-4,6-7/8"]]
)
async def test_divided_anew(repository: Repository, divided: list[str]) -> None:
    """Each session ends at the heartbeat of the process that had it, not at that of its heir."""
    first, second = await start(repository, "0/2", 0), await start(repository, "1/2", 0)
    for number in range(24):
        await opens(repository, number, number, 1)
    await first.beat(at(5))
    await second.beat(at(7))
    for shards in divided:
        heir = await start(repository, shards, 20)
        await heir.beat(at(30))
    assert await ended(repository) == {number: at((5, 7)[number % 2]) for number in range(24)}
    assert await running(repository) == set()
    # Nothing is left of those that no guild can come from any more.
    assert await keys(repository) == {"" if each == "0/1" else each for each in divided}


async def test_a_process_that_never_beat_is_given_nothing(repository: Repository) -> None:
    """Also where the one before it had the same guilds, and a clock that ran ahead."""
    await (await start(repository, "0/1", 0)).beat(at(500))
    await start(repository, "0-1/2", 10)
    await opens(repository, 0, 1, 11)
    await start(repository, "0-1/2", 20)
    assert await ended(repository) == {}
    assert await running(repository) == set()


async def test_one_that_cannot_be_read_hides_no_other(repository: Repository) -> None:
    await (await start(repository, "0/2", 0)).beat(at(5))
    for key, value in ((f"{HEARTBEAT} some/2", "{}"), (f"{HEARTBEAT} 1/2", "soon")):
        await repository.bot_meta.insert(BotMeta(key, value))
    await repository.bot_meta.insert(BotMeta("voice_heartbeats", "another's"))
    await opens(repository, 0, 0, 1)
    await opens(repository, 1, 1, 1)
    await start(repository, "0/1", 20)
    assert await ended(repository) == {0: at(5)}
    assert await running(repository) == set()


@pytest.mark.parametrize("sessions", [0, 1, 200])
async def test_one_statement_however_many_are_open(house: House, sessions: int) -> None:
    """In however many guilds; it writes one row, and none of theirs."""
    for number in range(max(sessions // 20, 1)):
        states = [
            VoiceState(guild(number), user_id, CHANNEL)
            for user_id in range(sessions)[number * 20 : number * 20 + 20]
        ]
        house.tracker.guild_seen(GuildVoice(guild(number), None, tuple(states)), at(0))
    await house.tracker.drain()
    before = await house.running()
    assert len(before) == sessions

    house.clock.set(at(1))
    counted = runs(house.repository)
    assert await house.tracker.beat()

    assert runs(house.repository) - counted == {"bot_meta.replace": 1}
    assert await house.running() == before
    [row] = await house.repository.bot_meta.select_all()
    assert msgspec.json.decode(row.value, type=Beat).at == at(1)


async def test_each_start_has_a_higher_number(repository: Repository) -> None:
    for number, shards in enumerate(["0/2", "1/2", "0/2", "0/1"], 1):
        await start(repository, shards, 0)
        row = await repository.bot_meta.select(" ".join([HEARTBEAT, shards]).removesuffix(" 0/1"))
        assert row is not None
        assert msgspec.json.decode(row.value, type=Beat) == Beat(number, None)


@pytest.mark.parametrize("seed", range(4))
async def test_any_history(repository: Repository, seed: int) -> None:
    """Processes that come and are killed, divided in any way, on machines with clocks of their own:
    every session ends at the last heartbeat of the one that had it, or is not kept."""
    chance = random.Random(seed)
    last_beat: dict[int, datetime | None] = {}
    joined: dict[int, tuple[int, datetime]] = {}
    expected: dict[int, datetime] = {}
    moment = START
    users = 0
    for _ in range(25):
        count = chance.choice([1, 2, 3, 4, 6])
        order = chance.sample(range(count), count)
        cut = chance.randint(1, count)
        fleet = [Shards(tuple(sorted(ids)), count) for ids in (order[:cut], order[cut:]) if ids]
        for shards in chance.sample(fleet, chance.randint(1, len(fleet))):
            moment += timedelta(minutes=1)
            clock = moment + timedelta(minutes=chance.randint(-30, 30))
            mine = [number for number in range(12) if number % count in shards.ids]
            for user_id, (number, since) in list(joined.items()):
                if number in mine:
                    beat = last_beat.get(number)
                    if beat is not None and min(beat, clock) > since:
                        expected[user_id] = min(beat, clock)
                    del joined[user_id]
            heartbeat = Heartbeat(repository, shards)
            await heartbeat.recover(clock)
            last_beat |= dict.fromkeys(mine)
            for _ in range(chance.randint(0, 4)):
                clock += timedelta(seconds=chance.randint(1, 60))
                if chance.random() < 0.5:
                    await heartbeat.beat(clock)
                    last_beat |= dict.fromkeys(mine, clock)
                else:
                    users += 1
                    number = chance.choice(mine)
                    joined[users] = number, clock
                    await repository.open_voice_sessions.insert(
                        OpenVoiceSession(guild(number), users, CHANNEL, clock)
                    )
            assert await ended(repository) == expected
            assert await running(repository) == set(joined)
    assert expected
    assert users > len(expected)

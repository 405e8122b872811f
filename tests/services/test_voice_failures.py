"""What the tracker does when the database fails, and when the bot does: nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from pwrbot.entities import BotMeta, OpenVoiceSession
from pwrbot.services.voice_heartbeat import HEARTBEAT, Beat
from pwrbot.services.voice_mirror import Change, Start
from pwrbot.services.voice_state import GuildVoice, VoiceState
from pwrbot.services.voice_store import VoiceStore
from tests.services.house import GUILD, START, House, at

ANN, BEN = 20, 21
HALL, DEN = 10, 11
OTHER = GuildVoice(2, None, (VoiceState(2, 30, HALL),))


async def turns(count: int = 50) -> None:
    """Let what is ready to run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_batch_that_fails_is_written_again(house: House) -> None:
    house.seen(0)
    await house.tracker.drain()
    house.unsteady.down = True
    house.happens(1, ANN, HALL)
    await turns()
    house.happens(2, ANN, DEN)
    house.happens(3, BEN, DEN)
    house.happens(4, ANN, None)
    await turns()
    assert house.unsteady.attempts == 2  # the second after the clock had moved on
    assert await house.ended() == []
    house.unsteady.down = False
    house.clock.advance(seconds=31)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 1, 2), (ANN, DEN, 2, 4)]
    assert await house.running() == [(BEN, DEN, 3)]


async def test_attempts_are_spaced_out(house: House) -> None:
    house.unsteady.down = True
    store = VoiceStore(house.unsteady, house.clock)  # type: ignore[arg-type]
    store.add(Change(GUILD, at(1), {}, [Start(ANN, HALL, at(1))]))
    waits: list[float] = []
    for _ in range(9):
        assert not await store.flush()
        waits.append(store.wait.total_seconds())
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert store.oldest == at(1)
    house.unsteady.down = False
    assert await store.flush()
    assert (store.wait, store.oldest, len(store)) == (timedelta(), None, 0)


async def test_reconciling_does_not_wait_for_a_database_in_trouble(house: House) -> None:
    store = VoiceStore(house.unsteady, house.clock)  # type: ignore[arg-type]
    store.add(Change(GUILD, at(1), {}, [Start(ANN, HALL, at(1))]))
    house.unsteady.down = True
    assert await store.open_in(GUILD) is None
    assert await store.open_in(GUILD) is None
    assert house.unsteady.attempts == 1
    house.unsteady.down = False
    house.clock.advance(seconds=0.5)
    assert await store.open_in(GUILD) == [OpenVoiceSession(GUILD, ANN, HALL, at(1))]


async def test_reconciling_meanwhile_goes_by_memory(house: House) -> None:
    house.seen(0, house.state(ANN, HALL))
    await house.tracker.drain()
    house.unsteady.down = True
    house.seen(5, house.state(ANN, DEN))
    await turns()
    house.seen(6, house.state(ANN, DEN), house.state(BEN, DEN))
    await turns()
    house.unsteady.down = False
    house.clock.advance(seconds=30)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 5)]
    assert await house.running() == [(ANN, DEN, 5), (BEN, DEN, 6)]


async def test_a_commit_whose_answer_was_lost(house: House) -> None:
    house.seen(0)
    await house.tracker.drain()
    house.unsteady.answers_to_lose = 3
    house.happens(1, ANN, HALL)
    house.happens(2, ANN, DEN)
    house.happens(3, BEN, DEN)
    house.happens(4, ANN, None)
    house.happens(5, ANN, HALL)
    stored = asyncio.ensure_future(house.tracker.drain())
    async with asyncio.timeout(10):
        while not stored.done():
            await turns()
            house.clock.advance(seconds=5)
    assert house.unsteady.answers_to_lose == 0
    assert await house.ended() == [(ANN, HALL, 1, 2), (ANN, DEN, 2, 4)]
    assert await house.running() == [(ANN, HALL, 5), (BEN, DEN, 3)]


async def test_a_change_the_database_refuses_holds_up_nobody(house: House) -> None:
    house.seen(0)
    house.happens(1, ANN, HALL)
    house.happens(2, 2**63, HALL)
    house.happens(3, BEN, HALL)
    await house.tracker.drain()
    assert await house.running() == [(ANN, HALL, 1), (BEN, HALL, 3)]


async def test_events_wait_while_settings_cannot_be_read(house: House) -> None:
    house.unsteady.down = True
    house.happens(1, ANN, HALL)
    house.happens(3, ANN, None)
    await turns()
    house.unsteady.down = False
    house.clock.advance(seconds=1)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 1, 3)]


# Heartbeat and recovery


async def heartbeat(house: House) -> datetime | None:
    row = await house.repository.bot_meta.select(HEARTBEAT)
    return None if row is None else msgspec.json.decode(row.value, type=Beat).at


async def test_recovery_ends_sessions_at_the_last_heartbeat(house: House) -> None:
    house.clock.set(at(10))
    assert await house.tracker.beat()
    assert await heartbeat(house) == at(10)
    opened = house.repository.open_voice_sessions
    await opened.insert(OpenVoiceSession(GUILD, ANN, HALL, at(5)))
    await opened.insert(OpenVoiceSession(GUILD, BEN, HALL, at(11)))  # after it
    await opened.insert(OpenVoiceSession(2, ANN, DEN, at(10)))  # as it was
    house.clock.set(at(30))
    again = House(house.repository)
    again.clock.set(at(30))
    assert await again.tracker.recover() == 3
    assert await again.ended() == [(ANN, HALL, 5, 10)]
    assert await again.running() == []
    assert await again.tracker.recover() == 0
    again.seen(31, house.state(ANN, HALL))
    await again.tracker.drain()
    assert await again.running() == [(ANN, HALL, 31)]


@pytest.mark.parametrize(
    "stored", [None, "yesterday", '{"start":1,"at":"2026-01-01T00:10:00"}', '{"start":1,"at":null}']
)
async def test_without_a_heartbeat_nothing_is_believed(house: House, stored: str | None) -> None:
    if stored is not None:
        await house.repository.bot_meta.insert(BotMeta(HEARTBEAT, stored))
    await house.repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, ANN, HALL, at(5)))
    assert await house.tracker.recover() == 1
    assert await house.ended() == []
    assert await house.running() == []


async def test_a_heartbeat_from_the_future_counts_up_to_now(house: House) -> None:
    await house.repository.bot_meta.insert(
        BotMeta(HEARTBEAT, '{"start":3,"at":"2099-01-01T00:00:00Z"}')
    )
    await house.repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, ANN, HALL, at(5)))
    house.clock.set(at(20))
    await house.tracker.recover()
    assert await house.ended() == [(ANN, HALL, 5, 20)]


async def test_the_heart_beats_only_in_contact(house: House) -> None:
    beating = asyncio.ensure_future(house.tracker.run_heartbeat())
    await turns()
    assert await heartbeat(house) is None
    house.seen(1)
    await house.tracker.drain()
    house.clock.set(at(2))
    await _until(house, at(2))
    house.tracker.contact_lost(None, at(2))
    await house.tracker.drain()
    house.clock.set(at(3))
    await turns()
    assert await heartbeat(house) == at(2)
    house.seen(4)
    await house.tracker.drain()
    house.unsteady.down = True
    house.clock.set(at(5))
    await turns()
    house.unsteady.down = False
    house.clock.set(at(6))
    await _until(house, at(6))
    beating.cancel()


async def _until(house: House, value: datetime) -> None:
    async with asyncio.timeout(10):
        while await heartbeat(house) != value:
            await turns()


async def test_a_heartbeat_vouches_only_for_what_is_stored(house: House) -> None:
    """Else a leave that waits to be written would, after a crash, have counted until the beat."""
    house.seen(0, house.state(ANN, HALL))
    await house.tracker.drain()
    house.unsteady.down = True
    house.happens(5, ANN, None)
    await turns()
    house.unsteady.down = False
    house.clock.set(at(5.2))
    await house.tracker.beat()
    assert await heartbeat(house) == at(5)


# The end


async def test_stopping_ends_every_session(house: House) -> None:
    house.seen(0, house.state(ANN, HALL))
    house.tracker.guild_seen(OTHER, at(0))
    house.tracker.contact_lost([2], at(3))
    house.happens(4, BEN, DEN)
    assert await house.tracker.stop(at(9))
    assert await house.ended() == [(ANN, HALL, 0, 9), (BEN, DEN, 4, 9), (30, HALL, 0, 3)]
    assert await house.running() == []
    assert await heartbeat(house) == at(9)
    house.happens(10, ANN, HALL)
    await house.tracker.drain()
    assert await house.running() == []
    assert await house.tracker.stop(at(11))


async def test_who_waits_no_longer_is_told_what_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer(*_: object) -> bool:
        await asyncio.Event().wait()
        return True

    other = House(house.repository)
    other.seen(0, other.state(ANN, HALL))
    await other.tracker.drain()
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(VoiceStore, "flush", no_answer)
        other.happens(6, BEN, HALL)
        await turns()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.tracker.stop(at(9)), 0.1)
    assert [line["waiting"] for line in logs if line["event"] == "voice_sessions_left_open"] == [2]


async def test_stopping_with_a_database_that_is_gone(house: House) -> None:
    house.seen(0, house.state(ANN, HALL))
    await house.tracker.drain()
    house.clock.set(at(5))
    await house.tracker.beat()
    house.unsteady.down = True
    house.happens(6, BEN, HALL)
    await turns()
    async with asyncio.timeout(10):
        assert not await house.tracker.stop(at(9))
    house.unsteady.down = False
    again = House(house.repository)
    again.clock.set(at(20))
    assert await again.tracker.recover() == 1
    assert await again.ended() == [(ANN, HALL, 0, 5)]


async def test_a_stop_without_a_beginning(house: House) -> None:
    assert await house.tracker.stop(START)
    assert await house.repository.voice_sessions.select_all() == []


async def test_a_commit_is_all_or_nothing(house: House) -> None:
    """A move that fails half way leaves the session open where it was."""
    sessions = house.repository.voice_sessions
    await house.repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, ANN, HALL, at(0)))
    store = VoiceStore(house.repository, house.clock)
    store.add(Change(GUILD, at(5), {at(5): [ANN]}, [Start(ANN, 2**63, at(5))]))
    assert await store.flush()
    assert await sessions.select_all() == []
    assert await house.running() == [(ANN, HALL, 0)]

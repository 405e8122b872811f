"""Turns at a host: as many as it allows, no more in any window."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pwrbot.clock import ManualClock
from pwrbot.feeds.errors import HostBusy, HostQueue
from pwrbot.feeds.pace import HostLimit, Pace

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)


class TickingClock(ManualClock):
    """Whoever sleeps moves the time on."""

    async def sleep(self, seconds: float) -> None:
        self.set(max(self.now(), self.now() + timedelta(seconds=seconds)))
        await asyncio.sleep(0)


async def turns(pace: Pace, clock: ManualClock, host: str, count: int) -> list[float]:
    made: list[float] = []
    for _ in range(count):
        async with pace.turn(host):
            made.append((clock.now() - NOON).total_seconds())
    return made


async def test_no_window_has_more_than_its_share() -> None:
    clock = TickingClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=3, seconds=10, at_once=1)})

    made = await turns(pace, clock, "api", 8)

    assert made == [0, 0, 0, 10, 10, 10, 20, 20]


async def test_hosts_do_not_wait_for_each_other() -> None:
    clock = TickingClock(NOON)
    pace = Pace(clock, {}, HostLimit(requests=1, seconds=30, at_once=1))

    assert await turns(pace, clock, "a", 1) + await turns(pace, clock, "b", 1) == [0, 0]


async def test_who_would_wait_long_is_told_when_to_return() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=1, seconds=600, at_once=1)})
    await turns(pace, clock, "api", 1)

    with pytest.raises(HostBusy) as caught:
        await turns(pace, clock, "api", 1)

    assert caught.value.retry_after == timedelta(minutes=10)
    clock.advance(minutes=10)
    assert await turns(pace, clock, "api", 1) == [600]


async def test_who_has_no_hope_of_a_turn_in_time_does_not_wait_for_it() -> None:
    """A hundred subreddits that are due at once do not hold up every other feed."""
    clock = ManualClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=10, seconds=60, at_once=1)})

    async def one() -> timedelta | None:
        try:
            async with pace.turn("api", timedelta(seconds=30)):
                await asyncio.sleep(0)
            return None
        except HostQueue as queue:
            return queue.retry_after

    waits = await asyncio.wait_for(asyncio.gather(*(one() for _ in range(100))), 5)

    assert waits.count(None) <= 11
    assert {wait for wait in waits if wait is not None} == {timedelta(minutes=1)}
    clock.advance(minutes=1)
    assert await one() is None


async def test_a_host_that_takes_long_is_not_queued_for() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {}, HostLimit(requests=100, seconds=1, at_once=1))
    inside = asyncio.Event()

    async def hang() -> None:
        async with pace.turn("slow"):
            inside.set()
            await clock.sleep(30)

    async def wait() -> None:
        async with pace.turn("slow", timedelta(seconds=20)):
            raise AssertionError

    hanging = asyncio.create_task(hang())
    await inside.wait()
    waiting = asyncio.create_task(wait())
    gone = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    clock.advance(seconds=20)
    with pytest.raises(HostQueue):
        await asyncio.wait_for(waiting, 5)
    clock.advance(seconds=10)
    await hanging
    assert await turns(pace, clock, "slow", 1) == [30], "nobody's place is lost"
    # It is known to be slow now: with one before them, others do not even begin to wait.
    hanging = asyncio.create_task(hang())
    await asyncio.sleep(0.01)
    with pytest.raises(HostQueue):
        async with pace.turn("slow", timedelta(seconds=1)):
            raise AssertionError
    clock.advance(seconds=30)
    await hanging


async def test_who_waits_hears_that_the_host_wants_to_be_left_alone() -> None:
    clock = TickingClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=1, seconds=10, at_once=2)})

    async def told() -> None:
        async with pace.turn("api"):
            await asyncio.sleep(0)
            pace.hold("api", timedelta(minutes=5))

    async def next_one() -> None:
        async with pace.turn("api"):
            raise AssertionError

    results = await asyncio.gather(told(), next_one(), return_exceptions=True)
    assert isinstance(results[1], HostBusy)


async def test_only_so_many_at_once() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=100, seconds=1, at_once=2)})
    inside = most = 0

    async def one() -> None:
        nonlocal inside, most
        async with pace.turn("api"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 2


async def test_a_turn_that_fails_gives_its_place_back() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {"api": HostLimit(requests=100, seconds=1, at_once=1)})
    with pytest.raises(RuntimeError):
        async with pace.turn("api"):
            raise RuntimeError

    assert await turns(pace, clock, "api", 1) == [0]


async def test_nobody_is_held_for_more_than_a_day() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {})
    pace.hold("host", timedelta(days=400))
    pace.hold("host", timedelta(seconds=1))

    with pytest.raises(HostBusy) as caught:
        await turns(pace, clock, "host", 1)
    assert caught.value.retry_after == timedelta(days=1)


async def test_idle_hosts_are_forgotten_and_busy_ones_are_not() -> None:
    clock = ManualClock(NOON)
    pace = Pace(clock, {}, HostLimit(requests=1, seconds=1))
    pace.hold("held", timedelta(hours=5))
    for number in range(3000):
        await turns(pace, clock, f"host{number}", 1)
        clock.advance(seconds=2)

    assert len(pace) <= 1000
    with pytest.raises(HostBusy):
        await turns(pace, clock, "held", 1)

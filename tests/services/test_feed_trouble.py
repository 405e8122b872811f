"""Polling and sending while the database is in trouble, or the clock is set: seldom, and again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseUnavailable
from tests.services.feed_scene import FeedScene, item


@pytest.mark.parametrize("failure", [DatabaseUnavailable(), KeyError("a member's words")])
@pytest.mark.parametrize(("work", "table"), [("poller", "feed_polls"), ("outbox", "feed_queues")])
async def test_looks_become_seldom_in_trouble_and_frequent_after_it(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    work: str,
    table: str,
    failure: Exception,
) -> None:
    scene = FeedScene(repository)
    looks: list[float] = []
    began = scene.clock.now()
    well = False

    async def claim(*_: Any, **__: Any) -> list[Any]:
        looks.append((scene.clock.now() - began).total_seconds())
        if not well:
            raise failure
        return []

    monkeypatch.setattr(type(getattr(repository, table)), "claim", claim)
    running = asyncio.create_task(getattr(scene, work).run())

    async def pass_by(seconds: int) -> None:
        for _ in range(seconds):
            for _ in range(10):
                await asyncio.sleep(0)
            scene.clock.advance(seconds=1)

    await pass_by(60)
    assert looks == [0, 2, 6, 14, 29, 44, 59]  # a claim of 45 seconds is kept meanwhile
    well = True
    await pass_by(20)
    assert looks[7:] == [74, 75, 76, 77, 78, 79]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_outcomes_are_stored_and_claims_kept_though_the_clock_was_set_back(
    repository: Repository,
) -> None:
    scene = FeedScene(repository)
    first, second = await scene.feed("first", item("a")), await scene.feed("second", item("b"))
    await scene.follow(first)
    await scene.follow(second)
    scene.source.hold = asyncio.Event()
    await scene.poller._start_due()
    scene.clock.set(scene.clock.now() - timedelta(hours=1))
    await scene.poller._renew()
    until = scene.clock.now() + timedelta(seconds=45)
    polls = await repository.feed_polls.select_all()
    assert [poll.next_poll_at for poll in polls] == [until, until]

    scene.source.hold.set()
    await scene.poller._until_at_most(0)
    scene.clock.set(scene.clock.now() - timedelta(hours=1))
    await scene.poller._store_outcomes()
    polls = await repository.feed_polls.select_all()
    assert [poll.claimed_by for poll in polls] == [None, None]

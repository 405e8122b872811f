"""Poller, outbox and upkeep together: one's trouble is not the others'."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.config import load_config
from pwrbot.feed_work import FeedWork
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.feed_outbox import FeedOutbox
from pwrbot.services.feed_poller import FeedPoller
from pwrbot.services.feed_upkeep import FeedUpkeep
from tests.services.feed_scene import FeedScene


def work_of(scene: FeedScene, **environ: str) -> FeedWork:
    client: Any = None
    config = load_config(environ)
    return FeedWork(config, scene.repository, scene.clock, scene.settings, scene.source, client)


async def test_a_message_may_arrive_though_the_poller_cannot_be_stopped_well(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = False

    async def fail(_: FeedPoller) -> None:
        raise DatabaseError

    async def arrive(_: FeedOutbox, seconds: float) -> bool:
        nonlocal arrived
        await asyncio.sleep(0.05)
        arrived = True
        return True

    monkeypatch.setattr(FeedPoller, "stop", fail)
    monkeypatch.setattr(FeedOutbox, "stop", arrive)
    with capture_logs() as logs:
        await work_of(FeedScene(repository)).stop(1)
    assert arrived
    assert [entry["event"] for entry in logs] == ["feeds_not_released"]


async def test_old_rows_that_cannot_be_removed_stop_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, tried = FeedScene(repository), asyncio.Event()

    async def fail(_: FeedUpkeep) -> int:
        tried.set()
        raise ZeroDivisionError

    monkeypatch.setattr(FeedUpkeep, "remove_old", fail)
    with capture_logs() as logs:
        work = work_of(scene)
        running = asyncio.create_task(work.run())
        await tried.wait()
        await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await work.stop(1)
    assert "feed_items_kept" in [entry["event"] for entry in logs]


async def test_turned_off_it_does_nothing(repository: Repository) -> None:
    scene = FeedScene(repository)
    await scene.follow(await scene.feed())
    with capture_logs() as logs:
        running = asyncio.create_task(work_of(scene, FEEDS_ENABLED="off").run())
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert scene.source.polled == []
    assert [entry["event"] for entry in logs] == ["feeds_off"]

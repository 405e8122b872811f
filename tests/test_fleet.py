"""Processes of a fleet that start together, or beside one that is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pwrbot import fleet
from pwrbot.config import load_config
from pwrbot.database import open_database
from pwrbot.fleet import join_fleet
from pwrbot.repository.migrations import (
    DatabaseNewer,
    being_migrated,
    migrate,
    rollback,
    status,
)
from pwrbot.repository.migrations.runner import open_backend
from pwrbot.repository.process_lock import AlreadyRunning, ProcessLock
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from pwrbot.shards import parse_shards
from tests.repository.sql_tree import SQLTree


@pytest.fixture
def url(postgres_database_url: str) -> PostgresURL:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    return url


def migrating(url: PostgresURL, done: list[str]) -> Callable[[], Awaitable[None]]:
    async def bring_up_to_date() -> None:
        done.extend(await asyncio.to_thread(migrate, url))

    return bring_up_to_date


async def test_one_of_those_that_start_together_migrates(url: PostgresURL) -> None:
    done: list[str] = []
    names = [f"{number}/4" for number in range(4)]
    locks = await asyncio.gather(
        *(join_fleet(url, parse_shards(name), migrating(url, done)) for name in names)
    )
    try:
        assert done == [one.id for one in status(url).migrations]
        assert status(url).pending == ()
        with pytest.raises(AlreadyRunning):
            await ProcessLock(url, wait_seconds=0).acquire()
    finally:
        for lock in locks:
            await lock.release()


async def test_a_migration_waits_for_the_old_version_to_stop(url: PostgresURL) -> None:
    migrate(url)
    done: list[str] = []
    old = await join_fleet(url, parse_shards("0/2"), migrating(url, done))
    rollback(url)  # as if the version to come had a migration more
    with pytest.raises(AlreadyRunning, match=r"has to be migrated.*stop all of them first"):
        await join_fleet(url, parse_shards("1/2"), migrating(url, done), wait_seconds=0)
    waiting = asyncio.create_task(join_fleet(url, parse_shards("1/2"), migrating(url, done)))
    await asyncio.sleep(0.1)
    assert done == []
    await old.release()
    new = await waiting
    assert len(done) == 1
    await new.release()


async def test_who_waits_for_a_migration_has_nothing_left_to_do(
    url: PostgresURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, waits, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def slowly() -> None:
        begun.set()
        await go_on.wait()
        await migrating(url, done)()

    class Log:
        def info(self, event: str, **_: object) -> None:
            assert event == "waiting_for_other_processes"
            waits.set()

    monkeypatch.setattr(fleet, "log", Log())
    first = asyncio.create_task(join_fleet(url, parse_shards("0/2"), slowly))
    await begun.wait()
    second = asyncio.create_task(join_fleet(url, parse_shards("1/2"), migrating(url, done)))
    async with asyncio.timeout(20):
        await waits.wait()
    go_on.set()
    for lock in (await first, await second):
        await lock.release()
    assert done == [one.id for one in status(url).migrations]


async def test_a_migration_may_take_longer_than_the_wait(
    url: PostgresURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [True, True, False]

    def being_migrated(url: PostgresURL, *, schema: str) -> bool:
        return answers.pop(0)

    monkeypatch.setattr(fleet, "being_migrated", being_migrated)
    async with ProcessLock(url):
        with pytest.raises(AlreadyRunning):
            await join_fleet(url, parse_shards("0/2"), migrating(url, []), wait_seconds=0)
    assert answers == []


def test_whether_it_is_being_migrated(database_url: str) -> None:
    url = parse_url(database_url)
    assert not being_migrated(url)
    with open_backend(url, "pwrbot") as backend, backend.exclusive(0):
        assert being_migrated(url)
        assert not being_migrated(url, schema="second") or isinstance(url, SQLiteURL)
    assert not being_migrated(url)


async def test_a_migration_that_fails_lets_go(url: PostgresURL) -> None:
    async def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await join_fleet(url, parse_shards("0/2"), fail)
    async with ProcessLock(url, wait_seconds=20):
        pass


async def test_a_database_that_is_newer_is_refused(url: PostgresURL, tmp_path: Path) -> None:
    migrate(url)
    tree = SQLTree(tmp_path / "sql")
    tree.add("0001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY);", "DROP TABLE cats;")

    async def bring_up_to_date() -> None:
        await asyncio.to_thread(migrate, url, directory=tree.root)

    with pytest.raises(DatabaseNewer):
        await join_fleet(url, parse_shards("0/2"), bring_up_to_date)
    async with ProcessLock(url, wait_seconds=20):
        pass


@pytest.mark.parametrize("auto_migrate", ["safe", "off"])
async def test_boot(migrated_postgres_url: str, tmp_path: Path, auto_migrate: str) -> None:
    def part(shards: str) -> dict[str, str]:
        return {
            "DATABASE_URL": migrated_postgres_url,
            "SHARDS": shards,
            "AUTO_MIGRATE": auto_migrate,
            "DATA_DIR": str(tmp_path),
        }

    async with (
        open_database(load_config(part("0/2"))) as first,
        open_database(load_config(part("1/2"))) as second,
    ):
        assert first.schema_version == second.schema_version
        assert await second.repository.bot_meta.count() == 0
        with pytest.raises(AlreadyRunning):
            await ProcessLock(parse_url(migrated_postgres_url), wait_seconds=0).acquire()
    async with ProcessLock(parse_url(migrated_postgres_url), wait_seconds=20):
        pass

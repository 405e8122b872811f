"""Who polls and sends is killed with SIGKILL, again and again: each item arrives, in order, once.

Doubles that only the nonce kept from the channel are counted, and told.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from itertools import pairwise
from typing import Any

import pytest

from pwrbot.repository import Repository
from pwrbot.repository.migrations import migrate
from pwrbot.repository.url import parse_url
from pwrbot.sandbox import Sandbox
from pwrbot.services import feed_outbox, feed_poller
from tests.acceptance.feed_process import Plan, working
from tests.acceptance.feed_site import Site, follow_all, serving
from tests.conftest import PostgresServer

KILLS = 50
FEEDS = 100
GUILDS = 2
ITEMS = 1000
"""Each of the servers follows each of the feeds: 200 subscriptions, and 2,000 messages."""


async def test_killed_while_items_flow(
    sqlite_database_url: str, postgres_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both engines at once, to spend the pauses of one on the other."""
    seed = secrets.randbits(32)
    with capsys.disabled():
        print(f"\n  seed {seed}", end=" ")
    async with asyncio.TaskGroup() as group:
        found = {
            engine: group.create_task(_killed(random.Random(f"{seed} {engine}"), url))
            for engine, url in (
                ("sqlite", sqlite_database_url),
                ("postgres", postgres_database_url),
            )
        }
    for engine, task in found.items():
        doubles, repeats, before = task.result()
        with capsys.disabled():
            print(
                f"| {engine}: {KILLS} kills during {before} of {ITEMS * GUILDS} messages, "
                f"{doubles} doubles, {repeats} more that the nonce held back",
                end=" ",
            )
        assert doubles == 0


async def _killed(chance: random.Random, url: str) -> tuple[int, int, int]:
    """How many messages came twice, how many would have but for their nonce, and how many came
    before the last kill."""
    await asyncio.to_thread(migrate, parse_url(url))
    async with Sandbox() as sandbox, serving(FEEDS) as site:
        channels = [str(number) for number in range(FEEDS)]
        guilds = [sandbox.add_guild(f"G{n}", text_channels=channels) for n in range(GUILDS)]
        repository = await Repository.open(url)
        await follow_all(repository, site, guilds)
        await repository.close()
        plan = Plan(
            database_url=url,
            api_url=sandbox.api_url,
            token=sandbox.token,
            interval_seconds=1,
            lease_seconds=0.6,
        )
        left = [number for number in range(FEEDS) for _ in range(ITEMS // FEEDS)]
        chance.shuffle(left)
        publishing = asyncio.create_task(_publish(chance, site, left))
        for _ in range(KILLS):
            with working(plan):
                # One in ten before it has done anything, the others while they work.
                if chance.random() > 0.1:
                    await _at_work(sandbox, site)
                await asyncio.sleep(chance.uniform(0.0, 0.7))
        publishing.cancel()
        before = _arrived(sandbox)
        for number in left:
            site.publish(number)
        with working(plan) as last:
            await sandbox.until(lambda: _arrived(sandbox) >= ITEMS * GUILDS, within=120)
            last.terminate()
            await asyncio.to_thread(last.join, 20)
            assert last.exitcode == 0
        doubles = 0
        for guild in guilds:
            for number in range(FEEDS):
                got = [_title(m) for m in sandbox.sent(guild.channel(str(number)))]
                doubles += len(got) - len(set(got))
                assert list(dict.fromkeys(got)) == site.published[number]
        await _check_rows(url)
        return doubles, sandbox.messages.repeats, before


async def _at_work(sandbox: Sandbox, site: Site) -> None:
    """Return once something was polled or sent, or after a while."""

    def done() -> int:
        return _arrived(sandbox) + sum(map(len, site.polls))

    before, patience = done(), 200
    while done() == before and patience:
        patience -= 1
        await asyncio.sleep(0.02)


async def _publish(chance: random.Random, site: Site, left: list[int]) -> None:
    """Item by item while the kills go on; ``left`` are the feeds of those still to come."""
    while left:
        site.publish(left.pop())
        await asyncio.sleep(chance.uniform(0.0, 0.06))


async def _check_rows(url: str) -> None:
    repository = await Repository.open(url)
    rows = await repository.feed_deliveries.select_all()
    queues = await repository.feed_queues.select_all()
    await repository.close()
    assert len(rows) == ITEMS * GUILDS
    assert {row.state for row in rows} == {"sent"}
    assert {queue.claimed_by for queue in queues} == {None}


def _arrived(sandbox: Sandbox) -> int:
    return len(sandbox.messages.all)


def _title(message: dict[str, Any]) -> str:
    found = re.search(r"### ([\d-]+)", str(message["components"]))
    assert found is not None
    return found[1]


async def test_two_processes_share_the_feeds_and_one_takes_over(
    postgres_server: PostgresServer,
) -> None:
    """No feed is polled twice in an interval; what a killed process held goes on with the other."""
    assert feed_poller.LEASE.total_seconds() < 60
    assert feed_outbox.LEASE.total_seconds() < 60
    url = postgres_server.create()
    try:
        await asyncio.to_thread(migrate, parse_url(url))
        async with Sandbox() as sandbox, serving(FEEDS) as site:
            guild = sandbox.add_guild("Home", text_channels=[str(n) for n in range(FEEDS)])
            repository = await Repository.open(url)
            await follow_all(repository, site, [guild])
            await repository.close()
            await _share(sandbox, site, url)
    finally:
        postgres_server.drop(url)


async def _share(sandbox: Sandbox, site: Site, url: str) -> None:
    interval, lease = 2.0, 3.0
    plan = Plan(
        database_url=url,
        api_url=sandbox.api_url,
        token=sandbox.token,
        interval_seconds=interval,
        lease_seconds=lease,
    )
    with working(plan) as one, working(plan):
        for number in range(FEEDS):
            site.publish(number)
        await sandbox.until(lambda: _arrived(sandbox) == FEEDS, within=60)
        while min(map(len, site.polls)) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        for polls in site.polls:
            gaps = [later - sooner for sooner, later in pairwise(polls)]
            assert min(gaps) >= interval * 0.9 - 0.5, "polled twice in an interval"
        one.kill()
        for number in range(FEEDS):
            site.publish(number)
        await sandbox.until(lambda: _arrived(sandbox) == 2 * FEEDS, within=60)

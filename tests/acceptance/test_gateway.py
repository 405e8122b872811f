"""Trouble on the way to Discord: what the bot saw is kept, what it did not see is not invented.

Whoever stays in a channel through a gap was there all along. Whoever left during a gap is credited
up to its beginning; whoever came is credited from its end. Each scenario plays on both engines at
once, with a sandbox and a bot for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pwrbot.sandbox import Guild, Sandbox
from tests.acceptance.scene import SLACK, Scene, near, of, watching
from tests.acceptance.stored import Stored
from tests.acceptance.truth import now

NAMES = ["stays", "leaves", "joins", "moves"]

Scenario = Callable[[str, Path], Coroutine[Any, Any, None]]
SCENARIOS: list[Scenario] = []


def scenario(play: Scenario) -> Scenario:
    SCENARIOS.append(play)
    return play


@asynccontextmanager
async def three_talking(url: str, cwd: Path) -> AsyncIterator[Scene]:
    """A guild with three members in the Lounge, which the bot has seen for a while."""
    async with Sandbox() as sandbox:
        sandbox.add_guild("Home", members=NAMES, voice_channels=["Lounge", "Games"])
        async with watching(sandbox, url, cwd) as scene:
            for name in ("stays", "leaves", "moves"):
                await scene.truth.join(name, "Lounge")
            await scene.talk()
            await scene.heard()
            yield scene


async def change(scene: Scene) -> None:
    """What happens while the bot is away."""
    await scene.truth.leave("leaves")
    await scene.truth.join("joins", "Games")
    await scene.truth.join("moves", "Games")


def check_gap(rows: list[Stored], guild: Guild, lost: datetime, found: datetime) -> None:
    """The sessions are as the gap allows them to be."""
    (stays,) = of(rows, guild, "stays")
    assert stays.joined_at < lost
    assert stays.left_at is not None
    assert stays.left_at > found
    (leaves,) = of(rows, guild, "leaves")
    assert near(leaves.left_at, lost)
    (joins,) = of(rows, guild, "joins")
    assert joins.joined_at <= found + SLACK
    assert joins.channel_id == guild.channel("Games").id
    before, after = of(rows, guild, "moves")
    assert near(before.left_at, lost)
    assert (before.channel_id, after.channel_id) == (
        guild.channel("Lounge").id,
        guild.channel("Games").id,
    )


@scenario
async def dropped_and_resumed(url: str, cwd: Path) -> None:
    async with three_talking(url, cwd) as scene:
        gateway = scene.sandbox.gateway
        lost = scene.lost()
        await scene.sandbox.drop_connections()
        await change(scene)
        await scene.sandbox.until(lambda: gateway.resumed == 1)
        await scene.heard()
        found = scene.found()
        await scene.talk()
        check_gap(await scene.end(), scene.truth.guild, lost, found)
        assert len(gateway.identified) == 1


@scenario
async def refused_for_a_while(url: str, cwd: Path) -> None:
    async with three_talking(url, cwd) as scene:
        gateway = scene.sandbox.gateway
        scene.sandbox.drop_mode = True
        lost = scene.lost()
        await scene.sandbox.drop_connections()
        await scene.talk()
        await change(scene)
        await scene.sandbox.until(lambda: gateway.refused > 0)
        scene.sandbox.drop_mode = False
        await scene.sandbox.wait_ready()
        await scene.heard()
        found = scene.found()
        await scene.talk()
        check_gap(await scene.end(), scene.truth.guild, lost, found)


@scenario
async def session_gone(url: str, cwd: Path) -> None:
    """RESUME is answered with INVALID_SESSION."""
    async with three_talking(url, cwd) as scene:
        gateway = scene.sandbox.gateway
        lost = scene.lost()
        await scene.sandbox.drop_connections(resume=False)
        await change(scene)
        await scene.sandbox.until(lambda: len(gateway.identified) == 2)
        await scene.sandbox.wait_ready()
        await scene.heard()
        found = scene.found()
        await scene.talk()
        check_gap(await scene.end(), scene.truth.guild, lost, found)
        assert gateway.resumed == 0


@scenario
async def session_called_invalid(url: str, cwd: Path) -> None:
    async with three_talking(url, cwd) as scene:
        gateway = scene.sandbox.gateway
        lost = scene.lost()
        await scene.sandbox.invalidate_sessions(resumable=False)
        # No session is left that could be told of this.
        await change(scene)
        await scene.sandbox.until(lambda: len(gateway.identified) == 2)
        await scene.sandbox.wait_ready()
        await scene.heard()
        found = scene.found()
        await scene.talk()
        check_gap(await scene.end(), scene.truth.guild, lost, found)


@scenario
async def asked_to_reconnect(url: str, cwd: Path) -> None:
    """Opcode 7: nothing is lost, not even a moment."""
    async with three_talking(url, cwd) as scene:
        gateway = scene.sandbox.gateway
        await scene.sandbox.ask_to_reconnect()
        await scene.sandbox.until(lambda: gateway.resumed == 1)
        await scene.sandbox.ask_to_reconnect()
        await scene.sandbox.until(lambda: gateway.resumed == 2)
        await scene.heard()
        left = now()
        await scene.truth.leave("leaves")
        await scene.talk()
        rows = await scene.end()
        (stays,) = of(rows, scene.truth.guild, "stays")
        (leaves,) = of(rows, scene.truth.guild, "leaves")
        assert stays.seconds > leaves.seconds
        assert near(leaves.left_at, left)
        assert len(gateway.identified) == 1


@scenario
async def outage_of_one_guild(url: str, cwd: Path) -> None:
    async with Sandbox() as sandbox:
        home = sandbox.add_guild("Home", members=NAMES, voice_channels=["Lounge", "Games"])
        other = sandbox.add_guild("Other", members=["calm"], voice_channels=["Den"])
        async with watching(sandbox, url, cwd) as scene:
            truth = scene.truths[home.id]
            for name in ("stays", "leaves", "moves"):
                await truth.join(name, "Lounge")
            await scene.truths[other.id].join("calm", "Den")
            await scene.talk()
            await scene.heard()
            lost = scene.lost(home)
            await home.make_unavailable()
            await scene.talk()
            await truth.leave("leaves")
            await truth.join("joins", "Games")
            await truth.join("moves", "Games")
            await scene.talk()
            await home.make_available()
            await scene.heard()
            found = scene.found(home)
            await scene.talk()
            rows = await scene.end()
        check_gap(rows, home, lost, found)
        (calm,) = of(rows, other, "calm")
        assert calm.seconds > (found - lost).total_seconds()


@scenario
async def removed_and_added_again(url: str, cwd: Path) -> None:
    async with three_talking(url, cwd) as scene:
        guild = scene.truth.guild
        lost = scene.lost()
        await guild.remove_bot()
        await scene.talk()
        await change(scene)
        await scene.talk()
        await guild.add_bot()
        await scene.heard()
        found = scene.found()
        await scene.talk()
        rows = await scene.end()
    # Sessions end with the removal: also of those who never left.
    before, after = of(rows, guild, "stays")
    assert near(before.left_at, lost)
    assert near(after.joined_at, found)
    (leaves,) = of(rows, guild, "leaves")
    assert near(leaves.left_at, lost)
    (joins,) = of(rows, guild, "joins")
    assert near(joins.joined_at, found)


@scenario
async def nobody_watching(url: str, cwd: Path) -> None:
    """People come and go while no bot runs."""
    async with three_talking(url, cwd) as scene:
        guild = scene.truth.guild
        told = now()
        first = await scene.end()
        stopped = now()
        assert {row.user_id for row in first} == {guild.member(n).id for n in NAMES if n != "joins"}
        assert all(row.left_at is not None and told <= row.left_at <= stopped for row in first)
        await change(scene)
        await scene.talk()
        async with watching(scene.sandbox, url, cwd) as again:
            started = now()
            await again.talk()
            assert await again.bot.stop() == 0
            new = [row for row in await again.stored() if row not in first]
    # Who was there when the bot came back has one more session; who had left has none.
    assert len(new) == 3
    assert {row.user_id for row in new} == {guild.member(n).id for n in NAMES if n != "leaves"}
    assert all(near(row.joined_at, started) for row in new)


@scenario
async def one_of_three_shards(url: str, cwd: Path) -> None:
    names = ["stays", "leaves", "reads"]
    async with Sandbox(shards=3) as sandbox:
        guilds = [
            sandbox.add_guild(f"Home {number}", members=names, voice_channels=["Hall"])
            for number in range(6)
        ]
        async with watching(sandbox, url, cwd) as scene:
            for guild in guilds:
                for name in ("stays", "leaves"):
                    await scene.truths[guild.id].join(name, "Hall")
            await scene.talk()
            await scene.heard()
            gone = next(s for s in sandbox.gateway.sessions.values() if s.shard == (1, 3))
            hit = [guild for guild in guilds if gone.hears(guild.id, 0)]
            assert 0 < len(hit) < len(guilds)
            lost = scene.lost(*hit)
            assert gone.connection is not None
            gone.connection.abort()
            for guild in guilds:
                await scene.truths[guild.id].leave("leaves")
            left = now()
            await sandbox.until(lambda: sandbox.gateway.resumed == 1)
            await scene.heard()
            scene.found(*hit)
            await scene.talk()
            rows = await scene.end()
        for guild in guilds:
            (stays,) = of(rows, guild, "stays")
            (leaves,) = of(rows, guild, "leaves")
            assert stays.seconds > leaves.seconds
            assert near(leaves.left_at, lost if guild in hit else left)
        assert sorted(sandbox.gateway.identified) == [(0, 3), (1, 3), (2, 3)]


@pytest.mark.parametrize("play", SCENARIOS, ids=lambda play: play.__name__)
async def test_gateway(
    play: Scenario, sqlite_database_url: str, postgres_database_url: str, tmp_path: Path
):
    async with asyncio.TaskGroup() as group:
        for url in (sqlite_database_url, postgres_database_url):
            group.create_task(play(url, tmp_path))

"""The bot is killed with SIGKILL at random moments, again and again, while people come and go.

Several worlds a run, each with a database and a bot of its own. What each kill may cost is in
``truth.py``: a member is short by at most one heartbeat, and never gets more than there was. What
was added up from the sessions stays what they say: `pwrbot doctor` looks beside the running bot,
now and then and at the end; it mends nothing, so it would see what any kill before had spoiled.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from pwrbot.sandbox import Guild, Sandbox
from tests.acceptance.process import of_sandbox, pwrbot, running
from tests.acceptance.stored import check, sessions
from tests.acceptance.truth import Truth, Watch, now
from tests.conftest import PostgresServer

KILLS = 50
WORLDS = 5
HEARTBEAT = 1.0
SLACK = 0.9
"""Seconds an event, a heartbeat or a kill may take on its way on a busy machine."""

NAMES = [f"member{number}" for number in range(8)]
CHANNELS = ("Lounge", "Games", "Study")


class Loss(NamedTuple):
    """What one member lost (or, below 0, was given) in one life of a bot, in seconds."""

    short: float
    over: float


async def test_killed_at_random_moments(
    postgres_server: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Both engines at once, to spend the pauses of one on the other."""
    seed = secrets.randbits(32)
    with capsys.disabled():
        print(f"\n  seed {seed}", end=" ")
    postgres = [postgres_server.create() for _ in range(WORLDS)]
    sqlite = [f"sqlite:///{tmp_path}/world{number}.db" for number in range(WORLDS)]
    try:
        async with asyncio.TaskGroup() as group:
            found = {
                engine: [
                    group.create_task(
                        _world(random.Random(f"{seed} {engine} {number}"), url, tmp_path)
                    )
                    for number, url in enumerate(urls)
                ]
                for engine, urls in (("sqlite", sqlite), ("postgres", postgres))
            }
    finally:
        for url in postgres:
            postgres_server.drop(url)
    for engine, worlds in found.items():
        losses = [loss for world in worlds for loss in world.result()]
        short, over = max(one.short for one in losses), max(one.over for one in losses)
        with capsys.disabled():
            print(
                f"| {engine}: {KILLS} kills, each at most {short:.3f} s short, {over:.3f} s over",
                end=" ",
            )
        assert short <= HEARTBEAT + SLACK
        assert over <= SLACK


async def _world(chance: random.Random, url: str, cwd: Path) -> list[Loss]:
    """One sandbox and one database through so many kills, and one orderly end."""
    async with Sandbox() as sandbox:
        guild = sandbox.add_guild("Home", members=NAMES, voice_channels=CHANNELS, afk_channel="AFK")
        guild.add_member("jukebox", bot=True)
        truth = Truth(guild)
        playing = asyncio.create_task(_play(chance, truth))
        watches: list[Watch] = []
        try:
            for left in range(KILLS // WORLDS, -1, -1):
                watches.append(await _life(chance, sandbox, url, cwd, orderly=left == 0))
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing
    found = await asyncio.to_thread(sessions, url)
    assert all(one.left_at is not None for one in found)
    channels = {guild.channel(name).id for name in CHANNELS}
    assert {one.channel_id for one in found} <= channels
    losses: list[Loss] = []
    for watch in watches:
        assert watch.ended is not None
        for name in [*NAMES, "jukebox"]:
            user_id = guild.member(name).id
            least, most = truth.bounds(user_id, watch)
            total = sum(
                one.seconds
                for one in found
                if one.user_id == user_id and watch.began <= one.joined_at < watch.ended
            )
            losses.append(Loss(least - total, total - most))
            if watch is watches[-1]:  # nothing was lost to a kill
                assert least - total <= SLACK
    return losses


async def _life(
    chance: random.Random, sandbox: Sandbox, url: str, cwd: Path, *, orderly: bool
) -> Watch:
    """A bot from its start to its end, which can come before it is connected."""
    watch = Watch(began=now())
    environ = of_sandbox(sandbox, url, VOICE_HEARTBEAT_SECONDS=f"{HEARTBEAT:g}")
    async with running(environ, cwd) as bot:
        if not orderly and chance.random() < 0.15:
            await asyncio.sleep(chance.uniform(0.1, 2.0))
            connected = sandbox.ready_shards > 0
        else:
            await bot.connected(sandbox, within=60)
            connected = True
        if connected:
            watch.seen = now()
            # The start has ended what the process before it left open: all is in order again.
            check(await asyncio.to_thread(sessions, url))
            if chance.random() < 0.3:
                await _doctor(environ, cwd)
            await asyncio.sleep(chance.uniform(0.0, 4.0))
        watch.ended_from = now()
        if orderly:
            assert await bot.stop(signal.SIGTERM) == 0
            await _doctor(environ, cwd)
        else:
            await bot.kill()
        watch.ended = now()
    await sandbox.wait_gone()
    return watch


async def _doctor(environ: dict[str, str], cwd: Path) -> None:
    looked = await asyncio.to_thread(pwrbot, "doctor", cwd=cwd, environ=environ)
    assert looked.returncode == 0, f"{looked.stdout}\n{looked.stderr}"
    assert "All well" in looked.stdout


async def _play(chance: random.Random, truth: Truth) -> None:
    """People join, leave, move and mute, all the time, whether a bot looks or not."""
    guild: Guild = truth.guild
    while True:
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        name = chance.choice([*NAMES, "jukebox"])
        member = guild.member(name)
        if member.voice is None:
            await truth.join(name, chance.choice(CHANNELS), self_mute=chance.random() < 0.3)
            continue
        act = chance.random()
        if act < 0.25:
            await truth.leave(name)
        elif act < 0.55:
            await truth.join(name, chance.choice([*CHANNELS, "AFK"]))
        elif act < 0.8:
            await guild.mute(name, chance.random() < 0.5, server=chance.random() < 0.2)
        elif act < 0.9:
            await guild.deafen(name, chance.random() < 0.5)
        else:
            await guild.resend_voice_state(name)

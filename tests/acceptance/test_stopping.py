"""SIGTERM and SIGINT: commands under way are answered, sessions end at that moment, exit code 0."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from pwrbot.sandbox import Sandbox
from tests.acceptance.scene import watching
from tests.acceptance.truth import now


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
async def test_told_to_stop(number: signal.Signals, database_url: str, tmp_path: Path):
    async with Sandbox() as sandbox:
        guild = sandbox.add_guild("Home", members=["ada", "bob"], voice_channels=["Lounge"])
        async with watching(sandbox, database_url, tmp_path) as scene:
            await scene.truth.join("ada", "Lounge")
            await scene.truth.join("bob", "Lounge")
            await scene.talk()
            await scene.heard()
            slow = sandbox.fail_next("POST", r"/callback$", delay=0.7)
            command = asyncio.create_task(sandbox.invoke(guild, "ada", "voice leaderboard"))
            await sandbox.until(lambda: slow.times == 0)  # the bot has begun to answer
            told = now()
            scene.bot.send(number)
            await scene.bot.logged("bot_stopping")
            late = await sandbox.invoke(guild, "bob", "voice leaderboard")
            # It came just before the stop, or it was told of it: it was not left alone.
            assert "Voice leaderboard" in late.text or "restarting" in late.text
            reply = await command
            assert "Voice leaderboard" in reply.text
            assert "ada" in reply.text
            assert await scene.bot.ended() == 0
            ended = now()
            rows = await scene.stored()
            await sandbox.wait_gone()
        assert len(rows) == 2
        for row in rows:
            assert row.left_at is not None
            assert told <= row.left_at <= ended
        assert scene.bot.complaints == []
        assert scene.bot.events("bot_stopped")


async def test_told_twice_it_ends_at_once(sqlite_database_url: str, tmp_path: Path):
    async with Sandbox() as sandbox:
        guild = sandbox.add_guild("Home", members=["ada"], voice_channels=["Lounge"])
        async with watching(sandbox, sqlite_database_url, tmp_path) as scene:
            slow = sandbox.fail_next("POST", r"/callback$", delay=3)
            command = asyncio.create_task(sandbox.invoke(guild, "ada", "about", within=0.5))
            await sandbox.until(lambda: slow.times == 0)
            scene.bot.send(signal.SIGTERM)
            await scene.bot.logged("bot_stopping")
            scene.bot.send(signal.SIGTERM)
            assert await scene.bot.ended() == 128 + signal.SIGTERM
            assert scene.bot.events("bot_killed")
            await asyncio.gather(command, return_exceptions=True)


async def test_told_to_stop_while_discord_is_away(sqlite_database_url: str, tmp_path: Path):
    """A session is believed in only up to the moment at which contact was lost."""
    async with Sandbox() as sandbox:
        sandbox.add_guild("Home", members=["ada"], voice_channels=["Lounge"])
        async with watching(sandbox, sqlite_database_url, tmp_path) as scene:
            await scene.truth.join("ada", "Lounge")
            await scene.talk()
            await scene.heard()
            sandbox.drop_mode = True
            await sandbox.drop_connections()
            lost = scene.lost()
            await sandbox.until(lambda: sandbox.gateway.refused > 0)
            (row,) = await scene.end()
            assert row.left_at is not None
            assert abs((row.left_at - lost).total_seconds()) < 0.5

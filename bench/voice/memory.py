"""How much memory the bot takes: a process of its own, before the sandbox, on a small history and
on the big one.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.voice.data import Community
from pwrbot.sandbox import Guild, Sandbox
from pwrbot.sandbox.model import User

ROOT = Path(__file__).resolve().parents[2]
ASKED = 5
"""How often each board is asked for."""


async def resident(url: str, community: Community) -> int:
    """Bytes, once it has answered leaderboards, partners and figures of all time."""
    async with Sandbox() as sandbox:
        guild = _big_guild(sandbox, community)
        async with _bot(sandbox, url) as process:
            await sandbox.wait_ready(within=60)
            await sandbox.wait_for_commands(within=60)
            user = guild.members[community.member(99)]
            for _ in range(ASKED):
                options = {"range": "All time"}
                await sandbox.invoke(guild, user, "voice leaderboard", options=options, within=60)
                await sandbox.invoke(guild, user, "voice partners", options=options, within=60)
                await sandbox.invoke(guild, user, "voice stats", options=options, within=60)
            return _resident(process.pid)


def _big_guild(sandbox: Sandbox, community: Community) -> Guild:
    """A guild with the id of the data's, and its 99th-percentile member."""
    guild = sandbox.add_guild("Big", voice_channels=["Lounge"])
    del sandbox.guilds[guild.id]
    del guild.roles[guild.id]
    guild.id = guild.everyone.id = community.big_guild
    guild.roles[guild.id] = guild.everyone
    sandbox.guilds[guild.id] = guild
    user = User(community.member(99), "somebody")
    sandbox.users[user.id] = user
    guild.enroll(user)
    return guild


@asynccontextmanager
async def _bot(sandbox: Sandbox, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environ = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "DISCORD_TOKEN": sandbox.token,
        "DISCORD_API_URL": sandbox.api_url,
        "DATABASE_URL": url,
        "DEFAULT_TIMEZONE": "Europe/Berlin",
        "LOG_LEVEL": "WARNING",
    }
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pwrbot", "run", cwd=directory, env=environ
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise AssertionError("Linux says no VmRSS of the bot")
    return int(found[1]) * 1024

"""An import that is cut off leaves whole members behind, and the same import again completes it."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from pwrbot.entities import VoiceSession
from pwrbot.importing.sessions import KIND
from pwrbot.repository.errors import DatabaseFull
from tests.acceptance.process import environment
from tests.importing.bringing import NOW, bring, stored
from tools.pwr_bot_database import make_sqlite

KILLED = """
import os, signal, sys
from datetime import datetime
from pwrbot.clock import SystemClock
from pwrbot.importing import sessions, target

sessions._BATCH = 200
add, calls = target.Stage.add_sessions, []

async def add_and_die(self, rows):
    await add(self, rows)
    calls.append(rows)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

target.Stage.add_sessions = add_and_die
SystemClock.now = lambda self: datetime.fromisoformat(sys.argv[2])
from pwrbot.cli import main
raise SystemExit(main(["import", "pwr-bot", sys.argv[1]]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    make_sqlite(path, "8", 1500)
    return path


async def test_killed_in_the_midst_of_the_sessions(
    tmp_path: Path, source: Path, migrated_url: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(source), NOW.isoformat()),
        cwd=tmp_path,
        env=environment(DATABASE_URL=migrated_url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == -signal.SIGKILL
    partial = (await stored(migrated_url))["voice_sessions"]
    report = await bring(source, migrated_url, now=NOW)
    rows = await stored(migrated_url)
    assert 0 < len(partial) < len(rows["voice_sessions"])
    # Whole members: what was there was all of theirs.
    members = {(one.guild_id, one.user_id) for one in partial if isinstance(one, VoiceSession)}
    assert partial == [
        one
        for one in rows["voice_sessions"]
        if isinstance(one, VoiceSession) and (one.guild_id, one.user_id) in members
    ]
    assert report.tally(KIND).there == len(partial)
    assert len(rows["feeds"]) == 60


async def test_a_stage_that_fails_leaves_nothing_of_itself(
    source: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> int:
        raise DatabaseFull()

    with monkeypatch.context() as patched:
        patched.setattr("pwrbot.importing.target.Stage.add_subscriptions", full)
        with pytest.raises(DatabaseFull):
            await bring(source, migrated_url)
    rows = await stored(migrated_url)
    assert {table for table, found in rows.items() if found} == {"server_settings"}
    await bring(source, migrated_url)
    assert len((await stored(migrated_url))["feed_items"]) == 2400

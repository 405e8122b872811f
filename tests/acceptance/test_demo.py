"""``make demo``: no token, no server, and at its end a database that is the reader's own."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.acceptance.process import environment, pwrbot


def test_the_demo_runs_to_its_end(tmp_path: Path):
    # Settings of somebody's real bot must not reach the demo.
    environ = environment(DISCORD_TOKEN="real", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/d")
    done = pwrbot("demo", cwd=tmp_path, environ=environ, within=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for command in ("/voice leaderboard", "/voice partners", "/voice stats"):
        assert command in done.stdout
    for title in ("Voice leaderboard", "Voice partners of @Kaito", "Voice statistics of @Ada"):
        assert title in done.stdout, title
    assert re.search(r"(?m)^ +│ 1\. \w+: \d+ h", done.stdout), "the leaderboard is empty"
    assert re.search(r"(?m)^ +│ 1\. @\w+ · \d+ h", done.stdout), "nobody has partners"
    assert "day 60 of 60" in done.stdout
    for shown in ("1 subscribed", "Kaito holds the record in Gaming", "Feeds of this server"):
        assert shown in done.stdout, shown
    assert "The Hearth opens its doors (" not in done.stdout.partition("/feed list")[0]
    database = tmp_path / "data/demo/pwrbot.db"
    assert str(database) in done.stdout or "data/demo/pwrbot.db" in done.stdout
    with closing(sqlite3.connect(database)) as file:
        (ended,) = file.execute("SELECT count(*) FROM voice_sessions").fetchone()
        (still_open,) = file.execute("SELECT count(*) FROM open_voice_sessions").fetchone()
    assert ended > 1000
    assert still_open == 0
    assert not (tmp_path / "data/pwrbot.db").exists()

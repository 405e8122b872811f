"""The generator of pwr-bot's databases: the same arguments make the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tools.pwr_bot_database import main, sessions


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM voice_sessions ORDER BY id").fetchall()


def test_it_makes_a_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["8", "500", str(tmp_path / name), "--seed", "3"]) == 0
    assert len(rows(tmp_path / "one")) == 500
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    main(["8", "500", str(tmp_path / "other"), "--seed", "4"])
    assert rows(tmp_path / "one") != rows(tmp_path / "other")


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        main(["8", "5", str(path)])
    assert path.read_text() == "mine"


def test_no_two_sessions_share_their_key() -> None:
    keys = [(one.user_id, one.channel_id, one.join) for one in sessions(20_000, seed=1)]
    assert len(set(keys)) == len(keys) == 20_000

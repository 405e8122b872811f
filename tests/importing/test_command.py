"""``pwrbot import pwr-bot`` as an operator uses it, a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import parse_url
from tests.acceptance.process import environment, pwrbot
from tools.pwr_bot_database import make_sqlite


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    make_sqlite(path, "7", 300)
    return path


def test_an_import_into_a_new_database(source: Path, database_url: str, tmp_path: Path) -> None:
    environ = environment(DATABASE_URL=database_url)
    done = pwrbot(
        "import", "pwr-bot", str(source), "--report", "kept.txt", cwd=tmp_path, environ=environ
    )
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "kept.txt").read_text()
    assert report in done.stdout
    assert "migration 7 of 8" in report
    told = [line for line in done.stderr.splitlines() if line.endswith("...")]
    assert told == ["settings ...", "feeds ...", "voice sessions ..."]
    again = pwrbot("import", "pwr-bot", "data.db", "--dry-run", cwd=tmp_path, environ=environ)
    assert again.returncode == 0
    (line,) = [line for line in again.stdout.splitlines() if line.startswith("feeds ")]
    assert line.split() == ["feeds", "60", "0", "60", "0"]


def test_a_report_that_cannot_be_written_is_printed(
    source: Path, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    environ = environment(DATABASE_URL=migrated_sqlite_url)
    done = pwrbot(
        "import", "pwr-bot", str(source), "--report", "no/dir.txt", cwd=tmp_path, environ=environ
    )
    assert done.returncode == 2
    assert "All was imported, but the report cannot be written" in done.stderr
    assert "migration 7 of 8" in done.stdout


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    done = pwrbot("import", "pwr-bot", "nowhere.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pwrbot: There is no file nowhere.db.")
    assert list(tmp_path.iterdir()) == []


def test_a_source_must_be_named(tmp_path: Path) -> None:
    assert pwrbot("import", "pwr-bot", cwd=tmp_path).returncode == 2
    assert pwrbot("import", cwd=tmp_path).returncode == 2


async def test_not_beside_a_running_bot(source: Path, migrated_url: str, tmp_path: Path) -> None:
    environ = environment(DATABASE_URL=migrated_url)
    async with ProcessLock(parse_url(migrated_url)):
        done = pwrbot("import", "pwr-bot", str(source), cwd=tmp_path, environ=environ)
    assert done.returncode == 3
    assert "stop it first" in done.stderr

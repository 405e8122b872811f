"""The copies of a SQLite file that are made before it is migrated, or taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.repository.migrations import (
    BackupFailed,
    StepFailed,
    migrate,
    rollback,
    status,
)
from pwrbot.repository.url import SQLiteURL
from tests.repository.by_hand import run
from tests.repository.sql_tree import SQLTree

NOON = datetime(2030, 5, 6, 12, 0, 0, tzinfo=UTC)


def test_a_copy_is_taken_before_an_existing_file_changes(
    sqlite_url: SQLiteURL, tree: SQLTree, tmp_path: Path
) -> None:
    backups, clock = tmp_path / "deep" / "copies", ManualClock(NOON)

    def go() -> list[Any]:
        with capture_logs() as logs:
            migrate(sqlite_url, directory=tree.root, backup_dir=backups, clock=clock)
        return [entry["copy"] for entry in logs if "copy" in entry]

    assert go() == []
    run(sqlite_url, "INSERT INTO cats VALUES (7)")
    assert go() == []
    assert not backups.exists()
    tree.add("0002.gone", "DELETE FROM cats;")
    tree.add("0003.more", "SELECT 1;")
    copy = backups / "pwrbot-20300506T120000Z-before-0002.gone.db"
    assert go() == [str(copy)]
    assert run(SQLiteURL(copy), "SELECT id FROM cats") == [(7,)]
    assert status(SQLiteURL(copy), directory=tree.root).pending == ("0002.gone", "0003.more")
    assert copy.stat().st_mode == sqlite_url.path.stat().st_mode
    rollback(sqlite_url, directory=tree.root, steps=2)
    assert go() == [str(copy.with_stem(f"{copy.stem}-2"))], "nothing is overwritten"
    assert len(list(backups.iterdir())) == 2


@pytest.fixture
def copies(sqlite_url: SQLiteURL, tree: SQLTree, tmp_path: Path) -> Path:
    """A directory of copies, for a file that five migrations have been copied before."""
    directory, clock = tmp_path / "copies", ManualClock(NOON)
    for number in range(1, 7):
        if number > 1:
            tree.add(f"000{number}.more", "SELECT 1;")
        migrate(sqlite_url, directory=tree.root, backup_dir=directory, clock=clock)
        clock.advance(days=1)
    return directory


def names(directory: Path) -> list[str]:
    """When each copy was made, and before what."""
    return [
        path.name.removeprefix("pwrbot-203005") for path in sorted(directory.glob("pwrbot-203005*"))
    ]


FIVE = [f"{5 + number:02}T120000Z-before-000{number}.more.db" for number in range(2, 7)]
LATER = NOON + timedelta(days=10)


def test_the_copies_of_the_last_migrations_stay(
    sqlite_url: SQLiteURL, tree: SQLTree, copies: Path
) -> None:
    others = {
        "pwrbot-20300101T000000Z.db",  # by pwrbot backup
        "pwrbot-20300101T000000Z-before-the-summer.db",  # renamed by somebody
        "pwrbot-20300101T000000Z-before-0002.more-keep.db",
        "pwrbot-20300101T000000Z-before-rollback-0002.more.db",
        "pwrbot-20300101T000000Z-before-0002.more.db.x1.part",
        "other-20300101T000000Z-before-0002.more.db",
        "my-pwrbot-20300101T000000Z-before-0002.more.db",
    }
    for name in others:
        (copies / name).touch()
    assert names(copies) == FIVE
    tree.add("0007.more", "SELECT 1;")
    early = ManualClock(NOON - timedelta(days=3))  # it was set back
    migrate(sqlite_url, directory=tree.root, backup_dir=copies, clock=early)
    assert names(copies) == ["03T120000Z-before-0007.more.db", *FIVE[1:]]
    assert {path.name for path in copies.iterdir()} > others


def test_a_migration_that_fails_at_every_start(
    sqlite_url: SQLiteURL, tree: SQLTree, copies: Path
) -> None:
    """Its copies drive none out, and neither do they fill the disk."""
    clock = ManualClock(LATER)
    tree.add("0007.gone", "DELETE FROM cats;")
    tree.add("0008.bad", "SELECT nothing;")
    for _ in range(7):
        with pytest.raises(StepFailed):
            migrate(sqlite_url, directory=tree.root, backup_dir=copies, clock=clock)
        clock.advance(days=1)
    bad = ["17T120000Z-before-0008.bad.db", "22T120000Z-before-0008.bad.db"]
    gone = "16T120000Z-before-0007.gone.db"
    assert names(copies) == [*FIVE, gone, *bad]
    tree.add("0008.bad", "SELECT 1;")
    migrate(sqlite_url, directory=tree.root, backup_dir=copies, clock=clock)
    assert names(copies) == [*FIVE[2:], gone, bad[0], "23T120000Z-before-0008.bad.db"]


def test_copies_before_a_rollback_stay(sqlite_url: SQLiteURL, tree: SQLTree, copies: Path) -> None:
    """Each has what the steps back after it lost."""
    clock = ManualClock(LATER)
    for _ in range(5):
        rollback(sqlite_url, directory=tree.root, backup_dir=copies, clock=clock)
    back = [f"16T120000Z-before-rollback-000{number}.more.db" for number in range(2, 7)]
    assert names(copies) == [*FIVE, *back]
    clock.advance(days=1)
    migrate(sqlite_url, directory=tree.root, backup_dir=copies, clock=clock)
    again = "17T120000Z-before-0002.more.db"
    assert names(copies) == [*FIVE, *back, again]


def test_without_a_copy_nothing_is_migrated(
    sqlite_url: SQLiteURL, tree: SQLTree, tmp_path: Path
) -> None:
    migrate(sqlite_url, directory=tree.root)
    tree.add("0002.more", "SELECT 1;")
    (tmp_path / "file").touch()
    with pytest.raises(BackupFailed, match="Nothing was migrated") as refusal:
        migrate(sqlite_url, directory=tree.root, backup_dir=tmp_path / "file" / "copies")
    assert refusal.value.exit_code == 3
    assert status(sqlite_url, directory=tree.root).pending == ("0002.more",)


def test_a_damaged_copy_is_no_copy(sqlite_url: SQLiteURL, tree: SQLTree, tmp_path: Path) -> None:
    """VACUUM INTO copies a row that its table does not allow as readily as any other."""
    tree.add("0001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY, name TEXT);")
    migrate(sqlite_url, directory=tree.root)
    tree.add("0002.more", "SELECT 1;")
    run(
        sqlite_url,
        "INSERT INTO cats (name) VALUES (NULL)",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'TEXT', 'TEXT NOT NULL') WHERE name = 'cats'",
    )
    backups = tmp_path / "copies"
    with pytest.raises(BackupFailed, match=r"the copy is damaged \(NULL value in cats\.name\)"):
        migrate(sqlite_url, directory=tree.root, backup_dir=backups)
    assert list(backups.iterdir()) == []
    assert status(sqlite_url, directory=tree.root).pending == ("0002.more",)

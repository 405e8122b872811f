"""AUTO_MIGRATE: what a boot does with a step that destroys something, on both engines."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pwrbot.cli import main
from pwrbot.clock import ManualClock
from pwrbot.config import Config, load_config
from pwrbot.database import open_database
from pwrbot.repository.backups import backup
from pwrbot.repository.migrations import DestructiveRefused, migrate, rollback, status
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from tests.repository.sql_tree import SQLTree

NOON = datetime(2030, 5, 6, 12, 0, 0, tzinfo=UTC)
GONE = "-- destructive: nobody has cats any more\nDROP TABLE cats;"


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    directory = tmp_path / "backups"
    directory.mkdir()
    return directory


@pytest.fixture
def url(database_url: str) -> SQLiteURL | PostgresURL:
    return parse_url(database_url)


@pytest.fixture
def postgres(postgres_database_url: str, tree: SQLTree) -> PostgresURL:
    """A database that a destructive step is pending for, after one that is not."""
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    migrate(url, directory=tree.root)
    tree.add("0002.dogs", "CREATE TABLE dogs (id INTEGER PRIMARY KEY);", "DROP TABLE dogs;")
    tree.add("0003.no_cats", GONE)
    return url


def boot(url: SQLiteURL | PostgresURL, tree: SQLTree, backups: Path | None) -> list[str]:
    return migrate(
        url, directory=tree.root, backup_dir=backups, careful=True, clock=ManualClock(NOON)
    )


def put(path: Path, *, hours: float = 1, text: str = "PGDMP") -> Path:
    """A backup that was written so many hours before noon."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    written = (NOON - timedelta(hours=hours)).timestamp()
    os.utime(path, (written, written))
    return path


def test_what_can_be_worked_out_again_needs_no_backup(postgres: PostgresURL, tree: SQLTree) -> None:
    tree.add(
        "0003.no_cats", "-- derived cats: as many as dogs\nDELETE FROM cats;", "DELETE FROM cats;"
    )
    assert boot(postgres, tree, None) == ["0002.dogs", "0003.no_cats"]


def test_what_destroys_nothing_needs_no_backup(
    url: SQLiteURL | PostgresURL, tree: SQLTree, backups: Path
) -> None:
    migrate(url, directory=tree.root)
    tree.add("0002.dogs", "CREATE TABLE dogs (id INTEGER PRIMARY KEY);")
    assert boot(url, tree, backups) == ["0002.dogs"]


def test_an_empty_database_has_nothing_to_lose(
    url: SQLiteURL | PostgresURL, tree: SQLTree, backups: Path
) -> None:
    tree.add("0002.no_cats", GONE)
    assert boot(url, tree, backups) == ["0001.cats", "0002.no_cats"]
    assert list(backups.iterdir()) == []


def test_sqlite_is_copied_and_that_is_its_backup(
    sqlite_database_url: str, tree: SQLTree, backups: Path
) -> None:
    url = parse_url(sqlite_database_url)
    migrate(url, directory=tree.root)
    tree.add("0002.no_cats", GONE)
    with capture_logs() as logs:
        assert boot(url, tree, backups) == ["0002.no_cats"]
    (copy,) = backups.iterdir()
    (copied,) = [line for line in logs if line["event"] == "database_copied_before_migrating"]
    assert copied["copy"] == str(copy)
    assert copied["bytes"] == copy.stat().st_size > 0


def test_postgres_is_refused_without_a_backup(
    postgres: PostgresURL, tree: SQLTree, backups: Path
) -> None:
    with pytest.raises(DestructiveRefused) as refused:
        boot(postgres, tree, backups)
    message = str(refused.value)
    assert refused.value.exit_code == 3
    assert f"{tree.path('postgres', '0003.no_cats.sql')}:2: drops table cats" in message
    assert "nobody has cats any more" in message
    assert "pwrbot migrate" in message
    assert "pwrbot backup" in message
    if postgres.password:
        assert postgres.password not in message
    # Nothing was done, not even the step before it.
    assert status(postgres, directory=tree.root).pending == ("0002.dogs", "0003.no_cats")


def test_the_backup_that_the_message_asks_for_will_do(
    postgres: PostgresURL, tree: SQLTree, backups: Path, postgres_programs: None
) -> None:
    backup(postgres, backup_dir=backups)
    applied = migrate(postgres, directory=tree.root, backup_dir=backups, careful=True)
    assert applied == ["0002.dogs", "0003.no_cats"]


@pytest.mark.parametrize(
    "name", [".dump", "-20300506T110000Z.dump", "-2030-05-06.sql.gz", ".tar", ".backup.zst"]
)
def test_names_of_backups(postgres: PostgresURL, tree: SQLTree, backups: Path, name: str) -> None:
    put(backups / f"{postgres.database}{name}")
    assert boot(postgres, tree, backups) == ["0002.dogs", "0003.no_cats"]


def test_a_directory_of_pg_dump(postgres: PostgresURL, tree: SQLTree, backups: Path) -> None:
    put(backups / postgres.database / "toc.dat")
    put(backups / postgres.database / "3001.dat.gz", hours=2)
    assert boot(postgres, tree, backups) == ["0002.dogs", "0003.no_cats"]


def test_the_newest_backup_is_named_in_the_log(
    postgres: PostgresURL, tree: SQLTree, backups: Path
) -> None:
    put(backups / f"{postgres.database}-1.dump", hours=30)
    put(backups / f"{postgres.database}-2.dump", hours=20)
    newest = put(backups / f"{postgres.database}-3.dump", hours=23, text="PGDMP and more")
    os.utime(newest, (NOON.timestamp() - 90, NOON.timestamp() - 90))
    with capture_logs() as logs:
        boot(postgres, tree, backups)
    (found,) = [line for line in logs if line["event"] == "backup_found"]
    assert found["backup"] == str(newest)
    assert found["age_seconds"] == 90
    assert found["bytes"] == 14


@pytest.mark.parametrize(
    ("name", "hours", "text"),
    [
        ("{}.dump", 24, "PGDMP"),  # a day old
        ("{}.dump", 1, ""),  # nothing in it
        ("{}.dump", -1, "PGDMP"),  # from the future: nobody knows how old it is
        ("other.dump", 1, "PGDMP"),  # of another database
        ("{}2.dump", 1, "PGDMP"),
        ("{}-staging-20300506.dump", 1, "PGDMP"),
        ("{}_2.dump", 1, "PGDMP"),
        ("{}.dump.part", 1, "PGDMP"),  # not finished
        ("{}-20300506T110000Z-before-0002.dogs.db", 1, "SQLite"),  # a copy of a SQLite database
    ],
)
def test_what_is_no_backup(
    postgres: PostgresURL, tree: SQLTree, backups: Path, name: str, hours: float, text: str
) -> None:
    put(backups / name.format(postgres.database), hours=hours, text=text)
    with pytest.raises(DestructiveRefused):
        boot(postgres, tree, backups)


def test_no_directory_is_no_backup(postgres: PostgresURL, tree: SQLTree, tmp_path: Path) -> None:
    with pytest.raises(DestructiveRefused):
        boot(postgres, tree, tmp_path / "nowhere")
    with pytest.raises(DestructiveRefused):
        boot(postgres, tree, None)


def test_by_hand_it_is_done_and_told(postgres: PostgresURL, tree: SQLTree, backups: Path) -> None:
    with capture_logs() as logs:
        applied = migrate(postgres, directory=tree.root, backup_dir=backups)
    assert applied == ["0002.dogs", "0003.no_cats"]
    assert "no_fresh_backup" in [line["event"] for line in logs]


# Taking back


def taken_back(url: PostgresURL, tree: SQLTree, backups: Path | None) -> list[str]:
    return rollback(
        url, directory=tree.root, backup_dir=backups, careful=True, clock=ManualClock(NOON)
    )


def test_taking_back_what_drops_is_refused_without_a_backup(
    postgres: PostgresURL, tree: SQLTree, backups: Path
) -> None:
    with pytest.raises(DestructiveRefused) as refused:
        taken_back(postgres, tree, backups)
    message = str(refused.value)
    assert f"{tree.path('postgres', '0001.cats.rollback.sql')}:1: drops table cats" in message
    assert "pwrbot backup" in message
    assert "pwrbot rollback --steps 1 --without-backup" in message
    assert status(postgres, directory=tree.root).version == "0001.cats"

    put(backups / f"{postgres.database}.dump")
    assert taken_back(postgres, tree, backups) == ["0001.cats"]


def test_a_backup_from_before_what_is_taken_back_is_none(
    postgres_database_url: str, tree: SQLTree, backups: Path
) -> None:
    """It has none of the rows that are lost."""
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    at_ten = ManualClock(NOON - timedelta(hours=2))
    migrate(url, directory=tree.root, clock=at_ten)
    put(backups / f"{url.database}-1.dump", hours=3)
    with pytest.raises(DestructiveRefused, match="younger than a day and than these steps"):
        taken_back(url, tree, backups)
    put(backups / f"{url.database}-2.dump", hours=1)
    assert taken_back(url, tree, backups) == ["0001.cats"]


def test_taking_back_what_drops_nothing_needs_no_backup(
    postgres_database_url: str, tree: SQLTree
) -> None:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    tree.add("0002.quick_cats", "CREATE INDEX quick ON cats (id);", "DROP INDEX quick;")
    migrate(url, directory=tree.root)
    assert taken_back(url, tree, None) == ["0002.quick_cats"]


def test_the_command_takes_back_after_a_backup(
    migrated_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postgres_programs: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    last = status(parse_url(migrated_url)).version
    if migrated_url.startswith("postgres"):
        assert main(["rollback", "--steps", "3"]) == 3
        assert "pwrbot rollback --steps 3 --without-backup" in capsys.readouterr().err
        assert status(parse_url(migrated_url)).version == last
        assert main(["backup"]) == 0
    assert main(["rollback", "--steps", "3"]) == 0
    assert f"Rolled back: {last}, " in capsys.readouterr().out


# The whole way: settings, boot, exit code


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLTree:
    """The SQL of the house, with a destructive step to come."""
    tree = SQLTree(tmp_path / "house")
    shutil.copytree(sql_directory() / "migrations", tree.root / "migrations", dirs_exist_ok=True)
    shutil.copytree(sql_directory() / "queries", tree.root / "queries", dirs_exist_ok=True)
    monkeypatch.setenv("PWRBOT_SQL_DIR", str(tree.root))
    monkeypatch.chdir(tmp_path)
    return tree


def settings(database_url: str, **more: str) -> Config:
    return load_config({"DATABASE_URL": database_url, **more})


async def opened(config: Config) -> str:
    async with open_database(config) as database:
        return database.schema_version


async def test_boot_with_each_setting(database_url: str, house: SQLTree) -> None:
    before = await opened(settings(database_url))
    house.add("9999.no_old_feeds", "-- destructive: nobody reads them\nDELETE FROM feed_items;")

    assert await opened(settings(database_url, AUTO_MIGRATE="off")) == before
    if database_url.startswith("postgres"):
        with pytest.raises(DestructiveRefused):
            await opened(settings(database_url, AUTO_MIGRATE="safe"))
        assert await opened(settings(database_url, AUTO_MIGRATE="off")) == before
        assert await opened(settings(database_url, AUTO_MIGRATE="on")) == "9999.no_old_feeds"
    else:
        assert await opened(settings(database_url)) == "9999.no_old_feeds"


def test_the_command_goes_on_where_the_boot_refused(
    postgres_database_url: str,
    house: SQLTree,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database_url)
    monkeypatch.setenv("DISCORD_TOKEN", "a.b.c")
    assert main(["migrate"]) == 0
    house.add("9999.no_old_feeds", "-- destructive: nobody reads them\nDELETE FROM feed_items;")

    assert main(["run"]) == 3
    assert "deletes rows of feed_items" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert "Applied: 9999.no_old_feeds" in capsys.readouterr().out

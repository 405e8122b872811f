"""--dry-run writes nothing at all, and says what an import would then do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pwrbot.importing.sessions import KIND
from pwrbot.repository import Repository
from pwrbot.repository.migrations import status
from pwrbot.repository.url import parse_url
from tests.importing.bringing import bring, numbers, stored
from tools.pwr_bot_database import make_sqlite

KINDS = ("server settings", "feeds", "feed items", "subscribers", "feed subscriptions", KIND)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "pwr-bot" / "data.db"
    path.parent.mkdir()
    make_sqlite(path, "8", 300)
    return path


def files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_no_database_comes_to_be(tmp_path: Path, source: Path) -> None:
    before = files(tmp_path)
    report = await bring(source, f"sqlite:///{tmp_path}/deep/pwrbot.db", dry=True)
    assert files(tmp_path) == before
    assert not (tmp_path / "deep").exists()
    assert report.tally("feeds").added == 60
    assert "dry run" in str(report)


async def test_no_byte_of_a_file_changes(
    tmp_path: Path, source: Path, migrated_sqlite_url: str
) -> None:
    await bring(source, migrated_sqlite_url)
    before = files(tmp_path)
    report = await bring(source, migrated_sqlite_url, dry=True)
    assert files(tmp_path) == before
    assert numbers(report, "feeds") == (60, 0, 60, 0)


async def test_an_old_database_is_not_migrated(tmp_path: Path, source: Path) -> None:
    path = tmp_path / "pwrbot.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE something (id INTEGER)")
    before = files(tmp_path)
    report = await bring(source, f"sqlite:///{path}", dry=True)
    assert files(tmp_path) == before
    assert "no database of this version's schema" in str(report)


async def test_a_server_without_our_schema_stays_without(
    source: Path, postgres_database_url: str
) -> None:
    await bring(source, postgres_database_url, dry=True)
    assert status(parse_url(postgres_database_url)).version is None


async def test_the_numbers_are_those_of_the_import(source: Path, migrated_url: str) -> None:
    before = await stored(migrated_url)
    foretold = await bring(source, migrated_url, dry=True)
    assert await stored(migrated_url) == before
    report = await bring(source, migrated_url)
    assert [numbers(foretold, kind) for kind in KINDS] == [numbers(report, kind) for kind in KINDS]
    assert foretold.time == report.time


async def test_beside_a_running_bot(source: Path, migrated_url: str) -> None:
    repository = await Repository.open(migrated_url)
    try:
        report = await bring(source, migrated_url, dry=True)
    finally:
        await repository.close()
    assert report.tally(KIND).added > 0


async def test_the_source_stays_as_it_is(source: Path, migrated_sqlite_url: str) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = files(source.parent)
    await bring(source, migrated_sqlite_url)
    assert files(source.parent) == before

"""Sources that cannot be read: each says what is wrong and what to do, and nothing is made."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from pwrbot.errors import PwrbotError
from pwrbot.repository.foreign import SourceRefused, SourceUnavailable
from tests.conftest import PostgresServer
from tests.importing.bringing import bring
from tools.pwr_bot_database import make_sqlite, schema


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    make_sqlite(path, "8", 3000)
    return path


async def refusal(place: Path | str, kind: type[PwrbotError], directory: Path) -> str:
    target = directory / "new" / "pwrbot.db"
    with pytest.raises(kind) as caught:
        await bring(place, f"sqlite:///{target}")
    assert caught.value.exit_code == (2 if kind is SourceRefused else 1)
    return str(caught.value)


async def test_a_missing_file(tmp_path: Path) -> None:
    message = await refusal(tmp_path / "no.db", SourceRefused, tmp_path)
    assert "There is no file" in message
    assert "postgresql://" in message
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "no.db").exists()


async def test_a_directory(tmp_path: Path) -> None:
    assert "is a directory" in await refusal(tmp_path, SourceRefused, tmp_path)


async def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert "is empty" in await refusal(path, SourceRefused, tmp_path)


async def test_a_database_without_tables(tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert "is not pwr-bot's" in await refusal(path, SourceRefused, tmp_path)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"\0" * 200, b"hello", b"\0" * 4096])
async def test_no_database_at_all(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    assert "is not a SQLite database" in await refusal(path, SourceRefused, tmp_path)


async def test_somebody_elses_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE feeds (id INTEGER, title TEXT)")
        connection.execute("CREATE TABLE songs (id INTEGER)")
    message = await refusal(path, SourceRefused, tmp_path)
    assert "is not pwr-bot's" in message
    assert "feeds, songs" in message


async def test_almost_pwr_bots(tmp_path: Path, source: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("ALTER TABLE subscribers RENAME COLUMN target_id TO target")
    message = await refusal(source, SourceRefused, tmp_path)
    assert "not quite" in message
    assert "target_id" in message


async def test_our_own_database(tmp_path: Path, migrated_sqlite: Path) -> None:
    assert "pwrbot itself" in await refusal(migrated_sqlite, SourceRefused, tmp_path)


async def test_a_locked_file(tmp_path: Path, source: Path) -> None:
    with closing(sqlite3.connect(source)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        message = await refusal(source, SourceUnavailable, tmp_path)
    assert "locked by another program" in message
    assert "stop pwr-bot" in message


@contextmanager
def as_nobody() -> Iterator[None]:
    """As a user without rights, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_file_that_may_not_be_read(tmp_path: Path, source: Path) -> None:
    os.chmod(source, 0)
    with as_nobody():
        message = await refusal(source, SourceRefused, tmp_path)
    assert "may not be read" in message


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
async def test_a_damaged_file(
    share: float, tmp_path: Path, source: Path, migrated_sqlite_url: str
) -> None:
    with source.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(int(size * share) // 4096 * 4096)
        file.write(b"\xa5" * int(size * 0.08))
    with pytest.raises(SourceUnavailable, match="is damaged") as caught:
        await bring(source, migrated_sqlite_url)
    assert "backup" in str(caught.value)


async def test_a_truncated_file(tmp_path: Path, source: Path) -> None:
    with source.open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) // 2)
    assert "is damaged" in await refusal(source, SourceUnavailable, tmp_path)


async def test_a_file_that_was_being_written(tmp_path: Path, source: Path) -> None:
    """pwr-bot was killed in a transaction: its journal would have to be played back first."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE voice_sessions SET channel_id = channel_id + 1")
        shutil.copy(source, copy)
        shutil.copy(f"{source}-journal", f"{copy}-journal")
        writer.execute("ROLLBACK")
    message = await refusal(copy, SourceUnavailable, tmp_path)
    assert "cut off while it wrote" in message


async def test_no_url(tmp_path: Path) -> None:
    message = await refusal("mysql://host/x", SourceRefused, tmp_path)
    assert message.startswith("SOURCE cannot be used")
    message = await refusal("postgresql://me:secret@/x y", SourceRefused, tmp_path)
    assert "secret" not in message


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{free.getsockname()[1]}/pwr_bot"
        message = await refusal(url, SourceUnavailable, tmp_path)
    assert "cannot be reached" in message
    assert "secret" not in message


async def test_a_database_that_the_server_lacks(postgres_url: str, tmp_path: Path) -> None:
    url = postgres_url.rpartition("/")[0] + "/nothing_of_the_kind"
    message = await refusal(url, SourceUnavailable, tmp_path)
    assert "no such database" in message


async def test_a_server_without_pwr_bots_tables(postgres_database_url: str, tmp_path: Path) -> None:
    assert "is not pwr-bot's" in await refusal(postgres_database_url, SourceRefused, tmp_path)


async def test_our_own_schema_beside_pwr_bots(
    postgres_server: PostgresServer,
    migrated_postgres: str,
    migrated_sqlite_url: str,
    tmp_path: Path,
) -> None:
    url = postgres_server.create(template=migrated_postgres)
    try:
        assert "pwrbot itself" in await refusal(url, SourceRefused, tmp_path)
        with psycopg.connect(url) as connection:
            connection.execute(schema("postgres").encode())
        assert (await bring(url, migrated_sqlite_url)).tally("feeds").read == 0
        assert (await bring(url, url)).tally("feeds").read == 0  # into the schema beside it
    finally:
        postgres_server.drop(url)


async def test_text_that_is_not_utf_8(source: Path, migrated_sqlite_url: str) -> None:
    """SQLite keeps whatever bytes it was given."""
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE feeds SET name = CAST(X'436166E9' AS TEXT)")
        connection.execute("UPDATE voice_sessions SET join_time = CAST(X'FF' AS TEXT) WHERE id = 1")
        feeds = connection.execute("SELECT COUNT(*) FROM feeds").fetchone()[0]
    await bring(source, migrated_sqlite_url)
    with closing(sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"))) as connection:
        titles = connection.execute("SELECT name FROM feeds").fetchall()
    assert titles == [("Caf\N{REPLACEMENT CHARACTER}",)] * feeds

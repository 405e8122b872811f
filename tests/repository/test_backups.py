"""``pwrbot backup`` and ``pwrbot restore``, on both engines."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pwrbot.cli import main
from pwrbot.clock import ManualClock
from pwrbot.entities import FeedItem, VoiceSession
from pwrbot.repository import Repository, Tables
from pwrbot.repository import whole_file as naming
from pwrbot.repository.backups import NotBackedUp, backup
from pwrbot.repository.engine.sqlite_migrations import SQLiteMigrations
from pwrbot.repository.migrations import rollback, status
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from tests.conftest import PostgresServer
from tests.repository.rows import feed, three_rows

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
GUILD = 77
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_programs: None) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKUP_DIR", "kept")


@pytest.fixture
def elsewhere(migrated_url: str, tmp_path: Path, postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database on the engine of ``migrated_url``."""
    if migrated_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/elsewhere/pwrbot.db"
        return
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command on a database."""

    def on(url: str, *arguments: str | Path) -> int:
        monkeypatch.setenv("DATABASE_URL", url)
        return main([str(argument) for argument in arguments])

    return on


async def fill(repository: Repository) -> None:
    """Rows in every table; those that are added up come by the triggers."""
    deliveries = await three_rows(repository, "feed_deliveries")
    await repository.feed_deliveries.insert_many(deliveries)
    await repository.feed_items.insert(FeedItem(deliveries[0].feed_id, "a", "A", None, NOON, NOON))
    for name in typing.get_type_hints(Tables):
        if not name.startswith(("feed", "subscribers")) and name not in ADDED_UP:
            await getattr(repository, name).insert_many(await three_rows(repository, name))


ADDED_UP = ("voice_segments", "voice_member_totals", "voice_channel_totals", "voice_hours")


async def everything(url: str) -> dict[str, list[Any]]:
    repository = await Repository.open(url)
    rows = {
        name: await getattr(repository, name).select_all() for name in typing.get_type_hints(Tables)
    }
    await repository.close()
    return rows


@asynccontextmanager
async def being_written(repository: Repository) -> AsyncIterator[list[VoiceSession]]:
    """Sessions are stored one after the other meanwhile; those that have been so far."""
    stored: list[VoiceSession] = []
    some = asyncio.Event()

    async def write() -> None:
        while True:
            start = NOON + len(stored) * HOUR
            session = VoiceSession(GUILD, 1, start, 1, start + HOUR)
            await repository.voice_sessions.insert(session)
            stored.append(session)
            if len(stored) == 20:
                some.set()

    task = asyncio.create_task(write())
    try:
        await some.wait()
        yield stored
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_there_and_back_while_the_bot_writes(
    migrated_url: str,
    elsewhere: str,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    repository = await Repository.open(migrated_url)
    await fill(repository)
    before = await everything(migrated_url)
    assert [name for name, rows in before.items() if not rows] == [
        "feed_absences",
        "feed_item_ids",
        "feed_polls",
        "feed_queues",
    ]
    async with (
        ProcessLock(parse_url(migrated_url), wait_seconds=0),
        being_written(repository) as stored,
    ):
        early = list(stored)
        assert await asyncio.to_thread(run, migrated_url, "backup", "copy.db") == 0
        late = list(stored)
    assert capsys.readouterr().out == "copy.db\n"

    assert await asyncio.to_thread(run, elsewhere, "restore", "copy.db") == 0
    assert "Restored copy.db, as of 00" in capsys.readouterr().out
    after = await everything(elsewhere)
    kept = [row for row in after["voice_sessions"] if row.guild_id == GUILD]
    assert early == kept[: len(early)]
    assert kept == late[: len(kept)], "one moment of what was written"
    for name in before.keys() - {*ADDED_UP, "voice_sessions"}:
        assert after[name] == before[name], name
    assert await asyncio.to_thread(run, elsewhere, "doctor") == 0
    assert status(parse_url(elsewhere)).pending == ()

    # What is new gets a number that no row ever had.
    restored = await Repository.open(elsewhere)
    numbers = [(await each.feeds.insert(feed(9))).id for each in (repository, restored)]
    assert numbers[0] == numbers[1]
    # And the triggers are at work.
    await restored.voice_sessions.delete((GUILD, 1, NOON))
    await restored.close()
    await repository.close()
    assert await asyncio.to_thread(run, elsewhere, "doctor") == 0


def test_it_is_named_after_the_database_and_the_time(migrated_url: str, tmp_path: Path) -> None:
    url, clock = parse_url(migrated_url), ManualClock(NOON)
    stem, end = ("pwrbot", "db") if isinstance(url, SQLiteURL) else (url.database, "dump")

    def made(target: Path | None) -> Path:
        return backup(url, target, backup_dir=tmp_path / "deep/kept", clock=clock)

    (tmp_path / "mine").mkdir()
    name = f"{stem}-20300506T120000Z"
    assert made(None) == tmp_path / f"deep/kept/{name}.{end}"
    assert made(None) == tmp_path / f"deep/kept/{name}-2.{end}"
    assert made(tmp_path / "mine") == tmp_path / f"mine/{name}.{end}"
    assert made(tmp_path / "mine/own.name") == tmp_path / "mine/own.name"
    assert len(list((tmp_path / "mine").iterdir())) == 2
    assert len(list((tmp_path / "deep/kept").iterdir())) == 2


def test_another_takes_the_name_meanwhile(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two bots do whose backups are made in the same second."""

    def late(part: Path, path: Path) -> None:
        monkeypatch.setattr(naming, "_name", name)
        made.append(backup(url, tmp_path / "b", backup_dir=tmp_path, clock=clock))
        name(part, path)

    url, clock, name = parse_url(migrated_url), ManualClock(NOON), naming._name  # pyright: ignore[reportPrivateUsage]
    (tmp_path / "b").mkdir()
    made: list[Path] = []
    monkeypatch.setattr(naming, "_name", late)
    made.append(backup(url, tmp_path / "b", backup_dir=tmp_path, clock=clock))
    first, second = made
    assert second == first.with_stem(f"{first.stem}-2")
    assert {*(tmp_path / "b").iterdir()} == {first, second}
    assert 0 < first.stat().st_size == second.stat().st_size


def test_nothing_is_overwritten_and_nothing_half_done_stays(
    migrated_url: str, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("precious")
    assert run(migrated_url, "backup", "mine") == 1
    assert "mine is there already" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "precious"

    assert run(migrated_url, "backup", "no/such/place.db") == 1
    assert "No backup was written to no/such/place.db" in capsys.readouterr().err
    assert run(migrated_url, "backup", "mine/below.db") == 1
    assert not list(tmp_path.rglob("*.part"))


def test_a_directory_that_is_not_there(
    migrated_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "mine").touch()
    before = set(tmp_path.iterdir())
    for target in ("safe", "safe/", "safe.d/"):
        assert run(migrated_url, "backup", target) == 1
        assert f"The directory {target} is not there. Make it first" in capsys.readouterr().err
    monkeypatch.setenv("BACKUP_DIR", "mine/below")
    assert run(migrated_url, "backup") == 1
    said = capsys.readouterr().err
    assert "No backup was written to mine/below: Not a directory. Make room, or" in said
    assert set(tmp_path.iterdir()) == before


def test_an_empty_database_is_not_backed_up(
    database_url: str, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database_url, "backup") == 1
    assert "There is nothing to back up" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_there_stays(
    migrated_url: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(migrated_url, "backup", "copy.db") == 0
    assert run(migrated_url, "rollback", "--without-backup") == 0
    assert run(migrated_url, "restore", "copy.db") == 3
    assert "There is a database already" in capsys.readouterr().err
    assert len(status(parse_url(migrated_url)).pending) == 1


def test_a_backup_of_an_older_version(
    migrated_url: str,
    elsewhere: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    [last] = rollback(parse_url(migrated_url))
    assert run(migrated_url, "backup", "copy.db") == 0
    assert run(elsewhere, "restore", "copy.db") == 0
    assert f"Still to come, when the bot starts: {last}." in capsys.readouterr().out
    assert run(elsewhere, "migrate") == 0


def test_a_backup_of_a_newer_version(
    migrated_url: str,
    elsewhere: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    newer = "UPDATE {}_yoyo_migration SET migration_id = '9999.new' WHERE migration_id LIKE '0011%'"
    if migrated_url.startswith("sqlite"):
        with closing(sqlite3.connect(migrated_url.removeprefix("sqlite:///"))) as file, file:
            file.execute(newer.format(""))
    else:
        with psycopg.connect(migrated_url) as connection:
            connection.execute(newer.format("pwrbot.").encode())
    assert run(migrated_url, "backup", "copy.db") == 0
    assert_refused(run, elsewhere, "copy.db")
    assert (
        "copy.db has 9999.new, which this version of pwrbot does not know"
        in capsys.readouterr().err
    )


def truncated(whole: bytes) -> bytes:
    return whole[: len(whole) * 2 // 3]


def scribbled(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + b"\xff" * 8192 + whole[middle + 8192 :]


def text(whole: bytes) -> bytes:
    return b"CREATE TABLE cats (id INTEGER);\n" * 100


@pytest.mark.parametrize("harm", [truncated, scribbled, text, lambda _: b""])
def test_what_is_no_whole_backup(
    migrated_url: str,
    elsewhere: str,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[bytes], bytes],
) -> None:
    assert run(migrated_url, "backup", "copy.db") == 0
    copy = tmp_path / "copy.db"
    copy.write_bytes(harm(copy.read_bytes()))
    assert_refused(run, elsewhere, "copy.db")
    assert "copy.db" in capsys.readouterr().err


def test_what_is_not_there(
    elsewhere: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert_refused(run, elsewhere, "nowhere")
    assert "nowhere" in capsys.readouterr().err


def test_a_backup_of_something_else(
    migrated_url: str,
    elsewhere: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if migrated_url.startswith("sqlite"):
        with closing(sqlite3.connect("copy.db")) as file:
            file.execute("CREATE TABLE cats (id INTEGER)")
    else:  # ours, and yet of another schema
        assert run(migrated_url, "backup", "copy.db") == 0
        monkeypatch.setenv("DATABASE_SCHEMA", "other")
    assert_refused(run, elsewhere, "copy.db")
    assert "copy.db is no backup of pwrbot's" in capsys.readouterr().err


def assert_refused(run: Callable[..., int], url: str, source: str) -> None:
    """Nothing is left but the file of the lock."""
    assert run(url, "restore", source) == 3
    if url.startswith("sqlite"):
        directory = Path(url.removeprefix("sqlite:///")).parent
        assert {path.name for path in directory.iterdir()} == {"pwrbot.db.lock"}
        return
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT nspname FROM pg_namespace").fetchall()
    assert not {"pwrbot", "other"} & {name for (name,) in names}


async def test_no_bot_runs_on_what_is_restored(
    migrated_url: str,
    elsewhere: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await asyncio.to_thread(run, migrated_url, "backup", "copy.db") == 0
    async with ProcessLock(parse_url(elsewhere), wait_seconds=0):
        assert await asyncio.to_thread(run, elsewhere, "restore", "copy.db") == 3
    assert "nother pwrbot process" in capsys.readouterr().err
    assert await asyncio.to_thread(run, elsewhere, "restore", "copy.db") == 0


# ---- SQLite's own


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_what_a_database_left_is_not_played_into_another(
    migrated_sqlite_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    end: str,
) -> None:
    assert run(migrated_sqlite_url, "backup", "copy.db") == 0
    beside = tmp_path / f"new.db{end}"
    beside.touch()
    Path("to_new.db").symlink_to("new.db")
    for path in ("new.db", "to_new.db"):
        assert run(f"sqlite:///{path}", "restore", "copy.db") == 3
        assert f"There is a database already: {beside}" in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()

    (tmp_path / f"copy.db{end}").touch()
    Path("to_copy").symlink_to("copy.db")
    for path in ("copy.db", "to_copy"):
        assert run("sqlite:///other.db", "restore", path) == 3
        assert f"{path} is no backup but a database that is in use" in capsys.readouterr().err
    assert not (tmp_path / "other.db").exists()


def test_it_goes_where_a_link_leads(
    migrated_sqlite_url: str, tmp_path: Path, run: Callable[..., int]
) -> None:
    assert run(migrated_sqlite_url, "backup", "copy.db") == 0
    (tmp_path / "disk").mkdir()
    Path("new.db").symlink_to("disk/new.db")
    assert run("sqlite:///new.db", "restore", "copy.db") == 0
    assert Path("new.db").is_symlink()
    assert (tmp_path / "disk/new.db").stat().st_size > 0


def test_who_may_read_it(
    migrated_sqlite_url: str, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_at(self: SQLiteMigrations) -> str | None:
        modes.append(self.path.stat().st_mode & 0o777)
        return damage(self)

    damage, modes = SQLiteMigrations.damage, list[int]()
    monkeypatch.setattr(SQLiteMigrations, "damage", looked_at)
    Path(migrated_sqlite_url.removeprefix("sqlite:///")).chmod(0o640)
    assert run(migrated_sqlite_url, "backup", "copy.db") == 0
    assert Path("copy.db").stat().st_mode & 0o777 == 0o640
    Path("copy.db").chmod(0o777)
    assert run("sqlite:///new.db", "restore", "copy.db") == 0
    assert Path("new.db").stat().st_mode & 0o777 == 0o600
    assert modes == [0o600, 0o600], "nobody else, until it is whole"


def test_a_copy_of_nothing_is_none(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite opens a file that somebody removed as an empty database, which is in order."""

    def emptied(self: SQLiteMigrations, dburi: Any) -> sqlite3.Connection:
        if self.path.suffix == ".part":
            self.path.write_bytes(b"")
        return connect(self, dburi)

    connect = SQLiteMigrations.connect
    monkeypatch.setattr(SQLiteMigrations, "connect", emptied)
    with pytest.raises(NotBackedUp, match="none of what was to be copied"):
        backup(parse_url(migrated_sqlite_url), tmp_path / "copy.db", backup_dir=tmp_path)
    assert not list(tmp_path.glob("copy.db*"))


# ---- PostgreSQL's own


def test_where_to_connect_is_told_to_nobody_else(
    migrated_postgres_url: str, tmp_path: Path, run: Callable[..., int], fake: Callable[..., None]
) -> None:
    fake("pg_dump", 'echo "$@" >>said; echo "$PGHOST $PGPASSWORD" >>told')
    fake("pg_restore", 'echo "$@" >>said')
    url = parse_url(migrated_postgres_url)
    assert isinstance(url, PostgresURL)
    assert run(migrated_postgres_url, "backup", "copy.db") == 0
    said = (tmp_path / "said").read_text()
    assert '--schema="pwrbot"' in said
    assert (tmp_path / "told").read_text().splitlines()[-1] == f"{url.host} {url.password}"
    for secret in (url.host, url.user, str(url.port), url.password, url.database):
        assert str(secret) not in said
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", ["9.6.24", "15.18 (Debian 15.18-0+deb12u1)"])
def test_programs_older_than_the_server(
    migrated_postgres_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    fake: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    fake("pg_dump", "exit 1", version=version)
    assert run(migrated_postgres_url, "backup") == 1
    said = capsys.readouterr().err
    assert f"pg_dump on PATH is of PostgreSQL {version.partition('.')[0]}, the server of" in said
    assert "postgresql-client-" in said
    assert list((tmp_path / "kept").iterdir()) == []


def test_no_programs(
    migrated_postgres_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", "")
    assert run(migrated_postgres_url, "backup") == 1
    assert "The program pg_dump is missing" in capsys.readouterr().err
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_program_that_gives_up(
    migrated_postgres_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    fake: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it says of a row, or of where it connected to, is not passed on."""
    fake("pg_dump", 'echo "pg_dump: error: to host h7 failed: no\nDETAIL: row 8" >&2; exit 1')
    assert run(migrated_postgres_url, "backup") == 1
    said = capsys.readouterr().err
    assert "pg_dump: no\n" in said
    assert "h7" not in said
    assert "row 8" not in said
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_cannot_be_read_again_is_no_backup(
    migrated_postgres_url: str,
    tmp_path: Path,
    run: Callable[..., int],
    fake: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake("pg_dump", 'for last; do :; done; echo rubbish >"${last#--file=}"')
    assert run(migrated_postgres_url, "backup") == 1
    assert "No backup was written to kept: pg_restore: " in capsys.readouterr().err
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.usefixtures("behind_pooler")
def test_a_pooler_is_no_way_for_them(migrated_postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(NotBackedUp, match="straight to the server"):
        backup(parse_url(migrated_postgres_url), backup_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_whole_database_that_somebody_dumped(
    migrated_postgres_url: str,
    postgres_server: PostgresServer,
    run: Callable[..., int],
) -> None:
    """Of a backup that holds more than our schema nothing else comes along."""
    with psycopg.connect(migrated_postgres_url) as connection:
        connection.execute("CREATE TABLE public.cats (id INTEGER)")
    subprocess.run(
        ["pg_dump", "--format=custom", "--file=copy.db", migrated_postgres_url], check=True
    )
    url = postgres_server.create()
    try:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA pwrbot")
        assert run(url, "restore", "copy.db") == 0
        with psycopg.connect(url) as connection:
            cats = connection.execute("SELECT to_regclass('public.cats')").fetchall()
        assert cats == [(None,)]
        assert run(url, "doctor") == 0
    finally:
        postgres_server.drop(url)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a program first on PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def put(name: str, script: str, *, version: str = "99.1") -> None:
        path = programs / name
        path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit\n'
            f"{script}\n"
        )
        path.chmod(0o755)

    return put

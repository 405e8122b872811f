"""What is done to a database by hand, on both engines."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from pwrbot.cli import main
from pwrbot.entities import VoiceDeparture
from pwrbot.repository.engine.migration_backend import MigrationBackend
from pwrbot.repository.migrations import status
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import parse_url
from tests.services.filling import fill

NOON = datetime(2024, 2, 28, 12, tzinfo=UTC)


def test_vacuum_makes_the_file_small(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_sqlite_url)
    path = Path(migrated_sqlite_url.removeprefix("sqlite:///"))
    empty = path.stat().st_size
    rows = [VoiceDeparture(1, user, "x" * 100, NOON) for user in range(10_000)]
    fill(migrated_sqlite_url, rows)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM voice_departures")
    assert path.stat().st_size > empty + 1_000_000
    assert main(["vacuum"]) == 0
    assert path.stat().st_size < empty + 100_000
    assert not path.with_name("pwrbot.db-wal").exists()
    assert main(["doctor"]) == 0


def test_vacuum_looks_at_our_tables(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_postgres_url)
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.cats (id INTEGER)")
        assert main(["vacuum"]) == 0
        looked_at = connection.execute(
            "SELECT schemaname, count(*), count(last_vacuum), count(last_analyze)"
            " FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid"
            " WHERE relkind = 'r' GROUP BY schemaname ORDER BY schemaname"
        ).fetchall()
    cats, (ours, tables, vacuumed, analyzed) = looked_at
    assert ours == "pwrbot"
    assert tables == vacuumed == analyzed > 20
    assert cats == ("public", 1, 0, 0)


async def test_vacuum_beside_a_bot(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite's file is written anew: nobody else may have it open. PostgreSQL minds nobody."""
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    async with ProcessLock(parse_url(migrated_url)):
        code = await asyncio.to_thread(main, ["vacuum"])
    if migrated_url.startswith("sqlite"):
        assert code == 3
        assert "Another pwrbot process" in capsys.readouterr().err
    else:
        assert code == 0


def test_a_rollback_ends_at_ctrl_c(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that it meets is taken back whole or not at all, and none after it."""

    def interrupted(self: MigrationBackend, identity: str, now: datetime) -> None:
        forget(self, identity, now)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setenv("DATABASE_URL", migrated_url)
    forget = MigrationBackend.forget
    before = status(parse_url(migrated_url))
    with monkeypatch.context() as patch:
        patch.setattr(MigrationBackend, "forget", interrupted)
        assert main(["rollback", "--steps", "3", "--without-backup"]) == 130
    assert status(parse_url(migrated_url)) == before
    # And nobody is locked out.
    assert main(["rollback", "--steps", "3", "--without-backup"]) == 0
    assert len(status(parse_url(migrated_url)).pending) == 3

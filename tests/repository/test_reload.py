"""Edited .sql files are taken up while the bot runs; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.config import load_config
from pwrbot.entities import OpenVoiceSession
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.reload import QueryReload
from pwrbot.repository.sql_files import sql_directory
from pwrbot.run import _for_development

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

ORDER = "WHERE guild_id = :guild_id\nORDER BY user_id;"
BACKWARDS = "WHERE guild_id = :guild_id\nORDER BY user_id DESC;"


class Files:
    """A copy of the queries, to be edited."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._edits = 0

    def edit(self, old: str, new: str, name: str = "open_voice_sessions.sql") -> None:
        path = self.directory / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.touch(name)

    def touch(self, name: str = "open_voice_sessions.sql") -> None:
        """Give it a later time, however coarse the file system's clock is."""
        self._edits += 1
        later = (datetime.now(UTC) + timedelta(minutes=self._edits)).timestamp()
        os.utime(self.directory / name, (later, later))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(Path(shutil.copytree(sql_directory() / "queries", tmp_path / "queries")))


@pytest.fixture
async def reload(repository: Repository, files: Files) -> QueryReload:
    for user_id in (7, 8):
        await repository.open_voice_sessions.insert(OpenVoiceSession(1, user_id, 5, NOON))
    watching = QueryReload(repository, directory=files.directory)
    await watching.look()
    return watching


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


async def users(tables: Any) -> list[int]:
    return [session.user_id for session in await tables.open_voice_sessions.in_guild(guild_id=1)]


async def test_an_edit_is_taken_up_from_the_next_call_on(
    repository: Repository, files: Files, reload: QueryReload, logs: list[Any]
) -> None:
    async with repository.transaction() as tx:
        assert await users(tx) == [7, 8]
        files.edit(ORDER, BACKWARDS)
        async with asyncio.timeout(20):
            await reload.look()

        assert await users(tx) == [7, 8], "a transaction under way keeps its statements"
        async with tx.transaction() as inner:
            assert await users(inner) == [7, 8]
    assert await users(repository) == [8, 7]
    async with repository.transaction() as tx:
        assert await users(tx) == [8, 7]
    assert "DESC" in {s.name: s.sql for s in repository.statements}["open_voice_sessions.in_guild"]
    await reload.look()
    assert logs == [
        {
            "event": "queries_reloaded",
            "changed": ["open_voice_sessions.in_guild"],
            "log_level": "info",
        }
    ]


BROKEN = {
    "syntax": (ORDER, "WHERE guild_id = = :guild_id\nORDER BY user_id;", "in_guild: ["),
    "column": (ORDER, "WHERE guild = :guild_id\nORDER BY user_id;", "in_guild: ["),
    "parameter": (ORDER, "WHERE guild_id = :guild\nORDER BY user_id;", ":guild is no parameter"),
    "kind": ("in_guild :many", "in_guild :maybe", "return type says :many"),
    "header": ("-- name: in_guild :many", "-- name: in_guild", "expected '-- name:"),
    "string": (ORDER, "WHERE guild_id = 'x\n;", "in_guild: "),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_edit_keeps_the_old_text_and_says_why_once(
    repository: Repository, files: Files, reload: QueryReload, logs: list[Any], what: str
) -> None:
    old, new, reason = BROKEN[what]
    files.edit(ORDER, ORDER + "\n-- a remark")
    files.edit(old, new)
    for _ in range(3):
        await reload.look()

    [line] = logs
    assert (line["event"], line["log_level"]) == ("queries_refused", "error")
    assert any(reason in problem for problem in line["problems"])
    assert all("open_voice_sessions." in problem for problem in line["problems"])
    assert await users(repository) == [7, 8]
    assert await repository.feeds.count() == 0

    files.edit(new, old)
    files.edit(ORDER, BACKWARDS)
    await reload.look()
    assert logs[1:] == [
        {
            "event": "queries_reloaded",
            "changed": ["open_voice_sessions.in_guild"],
            "log_level": "info",
        }
    ]
    assert await users(repository) == [8, 7]


async def test_the_macro_is_taken_up_too(
    repository: Repository, files: Files, reload: QueryReload, logs: list[Any]
) -> None:
    files.edit("FROM {table}\nORDER BY {key};", "FROM {table}\nORDER BY {key} DESC;", "table.sql")
    await reload.look()

    tables = {statement.query.module for statement in repository.statements}
    assert set(logs[0]["changed"]) == {f"{table}.select_all" for table in tables}


async def test_a_file_that_cannot_be_read_ends_nothing(
    repository: Repository, files: Files, reload: QueryReload, logs: list[Any]
) -> None:
    (files.directory / "feeds.sql").unlink()
    (files.directory / "feeds.sql").symlink_to("nowhere.sql")
    (files.directory / "subscribers.sql").write_bytes(b"-- name: x\xff :one\n")
    await reload.look()

    assert [line["event"] for line in logs] == ["queries_refused"]
    assert await repository.subscribers.count() == 0


async def test_touching_a_file_changes_nothing(
    repository: Repository, files: Files, reload: QueryReload, logs: list[Any]
) -> None:
    before = repository.feeds
    files.touch()
    await reload.look()

    assert repository.feeds is before
    assert [line["changed"] for line in logs] == [[]]


async def test_an_edit_while_the_database_is_away_waits_for_it(
    repository: Repository,
    files: Files,
    reload: QueryReload,
    logs: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(bound: object) -> None:
        raise DatabaseUnavailable

    files.edit(ORDER, BACKWARDS)
    with monkeypatch.context() as patched:
        patched.setattr(repository, "take_up", away)
        await reload.look()
    assert logs == []
    assert await users(repository) == [7, 8]

    await reload.look()
    assert await users(repository) == [8, 7]


async def test_what_was_edited_before_the_first_look(
    repository: Repository, files: Files, logs: list[Any]
) -> None:
    await QueryReload(repository, directory=files.directory).look()
    assert logs == []

    files.edit(ORDER, BACKWARDS)
    await QueryReload(repository, directory=files.directory).look()
    assert logs[0]["changed"] == ["open_voice_sessions.in_guild"]


async def test_only_development_looks_at_the_files(repository: Repository) -> None:
    for setting, watchers in (("off", 0), ("on", 1)):
        config = load_config({"PWRBOT_DEV": setting})
        found = list(_for_development(config, repository, ManualClock(NOON)))
        for watcher in found:
            watcher.close()
        assert len(found) == watchers


async def test_it_looks_every_second_until_cancelled(repository: Repository, files: Files) -> None:
    clock = ManualClock(NOON)
    looks: asyncio.Queue[None] = asyncio.Queue()

    class Watched(QueryReload):
        async def look(self) -> None:
            await super().look()
            looks.put_nowait(None)

    task = asyncio.create_task(Watched(repository, directory=files.directory).run(clock))
    await looks.get()
    files.edit(ORDER, BACKWARDS)
    await asyncio.sleep(0)
    assert looks.empty()

    clock.advance(seconds=1)
    await looks.get()
    assert "DESC" in {s.name: s.sql for s in repository.statements}["open_voice_sessions.in_guild"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

"""One bot process per database, or one per shard."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import msgspec
import pytest

from pwrbot.repository.engine import postgres_lock
from pwrbot.repository.errors import DatabaseReadOnly, DatabaseUnavailable
from pwrbot.repository.process_lock import AlreadyRunning, ProcessLock
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from pwrbot.shards import parse_shards

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import asyncio, sys
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import parse_url
from pwrbot.shards import parse_shards

async def hold():
    shards = parse_shards(sys.argv[2]) if len(sys.argv) > 2 else None
    async with ProcessLock(parse_url(sys.argv[1]), shards=shards):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
def postgres(postgres_database_url: str) -> PostgresURL:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    return url


async def test_one_at_a_time(database_url: str) -> None:
    url = parse_url(database_url)
    first, second = (ProcessLock(url, wait_seconds=0) for _ in range(2))
    await first.acquire()
    with pytest.raises(AlreadyRunning, match="stop it first") as refusal:
        await second.acquire()
    assert refusal.value.exit_code == 3
    await second.release()
    await first.release()
    await first.release()
    async with second:
        with pytest.raises(AlreadyRunning):
            await first.acquire()


async def test_it_ends_with_its_process(database_url: str) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, database_url, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert holder.stdout is not None
    try:
        assert (await holder.stdout.readline()).strip() == b"held"
        url = parse_url(database_url)
        with pytest.raises(AlreadyRunning) as refusal:
            await ProcessLock(url, wait_seconds=0).acquire()
        if isinstance(url, SQLiteURL):
            assert f"({holder.pid})" in str(refusal.value)
    finally:
        holder.send_signal(signal.SIGKILL)
        await holder.wait()
    async with ProcessLock(url, wait_seconds=20):
        pass


async def test_the_same_file_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    async with ProcessLock(SQLiteURL(tmp_path / "data" / "pwrbot.db")):
        with pytest.raises(AlreadyRunning, match=str(os.getpid())):
            await ProcessLock(SQLiteURL(tmp_path / "link" / "pwrbot.db")).acquire()


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseReadOnly, match="cannot be made"):
        await ProcessLock(SQLiteURL(tmp_path / "file" / "deep" / "pwrbot.db")).acquire()
    with pytest.raises(DatabaseReadOnly, match=r"cannot be (made|written)"):
        await ProcessLock(SQLiteURL(Path("/proc/pwrbot.db"))).acquire()


async def test_another_schema_is_another_bot(postgres: PostgresURL) -> None:
    first = ProcessLock(postgres, wait_seconds=0)
    second = ProcessLock(postgres, schema="second", wait_seconds=0)
    async with first, second:
        assert await holders(postgres) == 2


async def test_it_waits_for_the_one_before(postgres: PostgresURL) -> None:
    first, second = (ProcessLock(postgres, wait_seconds=30) for _ in range(2))
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    await first.release()
    await waiting
    await second.release()


async def test_giving_up_the_wait_lets_go(postgres: PostgresURL) -> None:
    first = ProcessLock(postgres)
    async with ProcessLock(postgres):
        waiting = asyncio.create_task(first.acquire())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with ProcessLock(postgres, wait_seconds=20):
        pass


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"password": "hunter2"}, "refused"), ({"database": "nowhere"}, "no such database")],
)
async def test_refused_at_once(postgres: PostgresURL, change: dict[str, str], reason: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=reason) as failure:
        await ProcessLock(msgspec.structs.replace(postgres, **change)).acquire()
    assert "hunter2" not in str(failure.value)


async def test_an_unreachable_server_is_tried_again(postgres: PostgresURL) -> None:
    nowhere = msgspec.structs.replace(postgres, hosts=(("127.0.0.1", 1),))
    lock = postgres_lock.PostgresLock(nowhere, "pwrbot")
    with pytest.raises(DatabaseUnavailable):
        await lock.acquire(0, pauses=(0.0, 0.0))


async def end_sessions(url: PostgresURL) -> None:
    connection = await asyncpg.connect(**url.asyncpg_arguments())
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'pwrbot lock %'"
    )
    await connection.close()


async def holders(url: PostgresURL) -> int:
    connection = await asyncpg.connect(**url.asyncpg_arguments())
    count = await connection.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await connection.close()
    return count


async def test_a_lost_lock_is_taken_again(
    postgres: PostgresURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, retaken = asyncio.Event(), asyncio.Event()
    retake = postgres_lock.PostgresLock._retake  # pyright: ignore[reportPrivateUsage]

    async def and_tell(self: postgres_lock.PostgresLock) -> bool:
        answer = await retake(self)
        retaken.set()
        return answer

    monkeypatch.setattr(postgres_lock.PostgresLock, "_retake", and_tell)
    async with ProcessLock(postgres, on_taken=taken.set):
        for _ in range(2):
            await end_sessions(postgres)
            async with asyncio.timeout(20):
                await retaken.wait()
            retaken.clear()
            assert await holders(postgres) == 1
            with pytest.raises(AlreadyRunning):
                await ProcessLock(postgres, wait_seconds=0).acquire()
    assert not taken.is_set()


async def test_somebody_else_took_it(
    postgres: PostgresURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, back = asyncio.Event(), asyncio.Event()
    connect = postgres_lock.PostgresLock._connect  # pyright: ignore[reportPrivateUsage]
    async with ProcessLock(postgres, on_taken=taken.set) as lock:

        async def cut_off(self: postgres_lock.PostgresLock) -> object:
            if self is lock._held:  # pyright: ignore[reportPrivateUsage]
                await back.wait()
            return await connect(self)

        monkeypatch.setattr(postgres_lock.PostgresLock, "_connect", cut_off)
        await end_sessions(postgres)
        async with ProcessLock(postgres, wait_seconds=20), asyncio.timeout(20):
            back.set()
            await taken.wait()


async def test_our_own_lost_session_is_ended(postgres: PostgresURL) -> None:
    """The network failed and the server has not noticed: the old session still has the lock."""
    taken = asyncio.Event()
    async with ProcessLock(postgres, on_taken=taken.set) as lock:
        held = lock._held  # pyright: ignore[reportPrivateUsage]
        assert isinstance(held, postgres_lock.PostgresLock)
        old = held._connection  # pyright: ignore[reportPrivateUsage]
        assert old is not None
        assert held._watcher is not None  # pyright: ignore[reportPrivateUsage]
        held._watcher.cancel()  # pyright: ignore[reportPrivateUsage]
        ended = asyncio.Event()
        old.add_termination_listener(lambda _: ended.set())
        assert await held._retake()  # pyright: ignore[reportPrivateUsage]
        async with asyncio.timeout(20):
            await ended.wait()
    assert not taken.is_set()


async def test_behind_a_pooler(postgres: PostgresURL, monkeypatch: pytest.MonkeyPatch) -> None:
    def announced(self: object) -> int:
        return -1  # PgBouncer gives each client a number of its own

    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", announced)
    first, second = (ProcessLock(postgres, wait_seconds=0) for _ in range(2))
    async with first:
        with pytest.raises(AlreadyRunning):
            await second.acquire()
        monkeypatch.undo()
        with pytest.raises(AlreadyRunning):
            await second.acquire()
    async with ProcessLock(postgres, wait_seconds=20):
        pass


# A fleet


def part(postgres: PostgresURL, shards: str | None, wait_seconds: float = 0) -> ProcessLock:
    own = None if shards is None else parse_shards(shards)
    return ProcessLock(postgres, shards=own, wait_seconds=wait_seconds)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("0-1/4", "2-3/4", None),
        ("0,2/4", "1,3/4", None),
        ("0/4", "3/4", None),
        ("0-1/4", "1-2/4", "another pwrbot process has one of these shards"),
        ("0-3/4", "0-3/4", "another pwrbot process has one of these shards"),
        ("0-1/4", "2-3/8", "another number of shards"),
        ("0/1", "1/2", "another number of shards"),
        ("0-1/4", None, "another pwrbot process is using it"),
        (None, "0-1/4", "a pwrbot process without SHARDS is using it"),
    ],
)
async def test_who_excludes_whom(
    postgres: PostgresURL,
    monkeypatch: pytest.MonkeyPatch,
    first: str | None,
    second: str | None,
    refused: str | None,
) -> None:
    def announced(self: object) -> int:
        return -1

    async def check(holder: ProcessLock) -> None:
        async with holder:
            if refused is None:
                async with part(postgres, second):
                    pass
            else:
                with pytest.raises(AlreadyRunning, match=f"(?i){refused}.*stop it first"):
                    await part(postgres, second).acquire()
        async with part(postgres, second, 20):  # and nothing is left behind
            pass

    await check(part(postgres, first))
    # Behind a pooler, the holder or both of them.
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", announced)
    await check(part(postgres, first))


async def test_one_of_a_refused_fleet_holds_nothing(postgres: PostgresURL) -> None:
    async with part(postgres, "2/4"):
        with pytest.raises(AlreadyRunning):
            await part(postgres, "0-3/4").acquire()
        with pytest.raises(AlreadyRunning):
            await part(postgres, "0-3/8").acquire()
        async with part(postgres, "0-1,3/4"):
            assert await holders(postgres) == 2 * 2 + 4


async def test_fleets_in_two_schemas(postgres: PostgresURL) -> None:
    shards = parse_shards("0/2")
    other = ProcessLock(postgres, schema="second", shards=parse_shards("0/3"), wait_seconds=0)
    async with ProcessLock(postgres, shards=shards, wait_seconds=0), other:
        pass


async def test_a_killed_one_leaves_its_shards_to_the_next(postgres_database_url: str) -> None:
    postgres = parse_url(postgres_database_url)
    assert isinstance(postgres, PostgresURL)
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        postgres_database_url,
        "0-1/4",
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    async with part(postgres, "2-3/4"):
        try:
            assert (await holder.stdout.readline()).strip() == b"held"
            with pytest.raises(AlreadyRunning):
                await part(postgres, "1/4").acquire()
        finally:
            holder.send_signal(signal.SIGKILL)
            await holder.wait()
        async with part(postgres, "0-1/4", 20):
            with pytest.raises(AlreadyRunning):
                await part(postgres, "2/4").acquire()


async def test_a_lost_lock_of_a_fleet_is_taken_again(
    postgres: PostgresURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, retaken = asyncio.Event(), asyncio.Event()
    retake = postgres_lock.PostgresLock._retake  # pyright: ignore[reportPrivateUsage]

    async def and_tell(self: postgres_lock.PostgresLock) -> bool:
        answer = await retake(self)
        retaken.set()
        return answer

    monkeypatch.setattr(postgres_lock.PostgresLock, "_retake", and_tell)
    shards = parse_shards("0-1/4")
    async with ProcessLock(postgres, shards=shards, on_taken=taken.set):
        await end_sessions(postgres)
        async with asyncio.timeout(20):
            await retaken.wait()
        assert await holders(postgres) == 4
        with pytest.raises(AlreadyRunning):
            await part(postgres, "1/4").acquire()
        async with part(postgres, "2-3/4"):
            pass
    assert not taken.is_set()

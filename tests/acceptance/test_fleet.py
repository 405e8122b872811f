"""A bot in two processes on one PostgreSQL: each has its servers, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import psycopg

from pwrbot.sandbox import Guild, Sandbox
from tests.acceptance.process import IMPATIENT, BotProcess, of_sandbox, running
from tests.acceptance.scene import of
from tests.acceptance.stored import Stored, check, sessions
from tests.acceptance.truth import now


async def test_two_processes(postgres_database_url: str, tmp_path: Path):
    url = postgres_database_url

    async with Sandbox() as sandbox, AsyncExitStack() as stack:

        async def start(shards: str, command: tuple[str, ...] = ()) -> BotProcess:
            environ = of_sandbox(sandbox, url, SHARDS=shards, LOG_FORMAT="json")
            return await stack.enter_async_context(
                running(environ, tmp_path, *([command] if command else []))
            )

        even, odd = _guild(sandbox, "Even", 0), _guild(sandbox, "Odd", 1)
        # The database is empty: one of them makes its tables, the other waits for that.
        first, second = await asyncio.gather(start("0/2"), start("1/2"))
        await first.connected(sandbox)
        await second.connected(sandbox)
        await sandbox.wait_for_commands()
        for guild, shards in ((even, "0/2"), (odd, "1/2")):
            answer = await sandbox.invoke(guild, guild.owner, "about")
            assert f"Servers: 1, those of this process (shards {shards})" in answer.text
        answer = await sandbox.invoke(None, even.member("ada"), "about")
        assert "(shards 0/2)" in answer.text
        migrated = [len(bot.events("migration_applied")) for bot in (first, second)]
        assert sorted(migrated)[0] == 0 < sorted(migrated)[1]

        # Each has the sessions of its own guild, and settings apply where they were changed.
        for guild in (even, odd):
            await guild.join("ada", "Lounge")
        joined = {row.guild_id: row for row in await _stored(url, lambda rows: len(rows) == 2)}
        assert set(joined) == {even.id, odd.id}
        await _beaten(url, joined[even.id].joined_at)

        # Nobody else gets in: not with a shard of theirs, another count, or none at all.
        for shards, says in (("0/2", "one of these shards"), ("2/4", "another number of shards")):
            other = await start(shards, IMPATIENT)
            assert await other.ended() == 3
            assert says in other.output
        alone = await start("", IMPATIENT)
        assert await alone.ended() == 3
        assert "Another pwrbot process" in alone.output

        # One dies: its guild's session ends when it is back, and the other one's goes on.
        await first.kill()
        killed = now()
        await asyncio.sleep(1.5)
        rows = await asyncio.to_thread(sessions, url)
        assert [row.left_at for row in rows] == [None, None]
        first = await start("0/2")
        await first.connected(sandbox)
        rows = await _stored(url, lambda rows: len(of(rows, even, "ada")) == 2)
        before, after = of(rows, even, "ada")
        assert before.joined_at == joined[even.id].joined_at
        assert before.left_at is not None
        assert before.joined_at < before.left_at <= killed < after.joined_at
        assert after.left_at is None
        assert of(rows, odd, "ada") == [joined[odd.id]]

        # The other one stops in order: so does its guild's session, and only that.
        assert await second.stop(signal.SIGTERM) == 0
        rows = await asyncio.to_thread(sessions, url)
        assert of(rows, even, "ada")[1] == after
        (stopped,) = of(rows, odd, "ada")
        assert stopped.joined_at == joined[odd.id].joined_at
        assert stopped.left_at is not None
        assert stopped.left_at > killed
        assert await first.stop(signal.SIGTERM) == 0
        check(rows)

        assert sandbox.commands.syncs == 1
        assert not second.events("commands_synced")
        assert not second.events("commands_unchanged")
        assert not second.events("voice_sessions_recovered")
        assert [event["ended"] for event in first.events("voice_sessions_recovered")] == [1]


def _guild(sandbox: Sandbox, name: str, shard: int) -> Guild:
    """A guild on this one of two shards."""
    for more in range(3):
        # Ids count up; of two attempts one takes an odd number of them, which changes the shard.
        members = ["ada", *(f"member{number}" for number in range(more))]
        guild = sandbox.add_guild(name, members=members, voice_channels=["Lounge"])
        if (guild.id >> 22) % 2 == shard:
            return guild
        del sandbox.guilds[guild.id]
    raise AssertionError("no guild on that shard")


async def _stored(url: str, enough: Callable[[list[Stored]], bool]) -> list[Stored]:
    """The sessions, once they are as wanted."""
    for _ in range(300):
        rows = await asyncio.to_thread(sessions, url)
        if enough(rows):
            return rows
        await asyncio.sleep(0.1)
    raise AssertionError(f"not stored: {rows}")


async def _beaten(url: str, moment: datetime) -> None:
    """Until both processes have vouched for what there was at this moment."""

    def beats() -> list[datetime | None]:
        with psycopg.connect(url, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT value FROM pwrbot.bot_meta WHERE key LIKE 'voice_heartbeat %'"
            ).fetchall()
        found = [json.loads(value)["at"] for (value,) in rows]
        return [at and datetime.fromisoformat(at) for at in found]

    for _ in range(300):
        found = await asyncio.to_thread(beats)
        if len(found) == 2 and all(at is not None and at > moment for at in found):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no heartbeat: {found}")

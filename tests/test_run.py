"""The life of the process: how the bot boots, what ends it and what it exits with."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot import run
from pwrbot.config import Config, load_config
from pwrbot.entities import OpenVoiceSession
from pwrbot.errors import ConfigError
from pwrbot.repository import Repository
from pwrbot.run import Database, DiscordUnreachable, GatewayLost, TokenRefused, run_bot
from pwrbot.sandbox import Guild, Sandbox
from pwrbot.services.voice import VoiceTracker
from tests.discord_addresses import keep_addresses


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    return sandbox.add_guild("Home", members=["ada", "bob"], voice_channels=["Lounge"])


@pytest.fixture
def config(sandbox: Sandbox) -> Config:
    return load_config({"DISCORD_TOKEN": sandbox.token, "DISCORD_API_URL": sandbox.api_url})


class Opening:
    """Opens a migrated database, and knows whether it was closed again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened = 0
        self.closed = 0

    def __call__(self) -> AbstractAsyncContextManager[Database]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Database]:
        repository = await Repository.open(self.url)
        self.opened += 1
        try:
            yield Database(repository, "SQLite", "0004.bot_meta")
        finally:
            await repository.close()
            self.closed += 1


@pytest.fixture
def opening(migrated_sqlite_url: str) -> Opening:
    return Opening(migrated_sqlite_url)


class ImpatientClock:
    """The present, with waits that are noted and over at once."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


async def connected(sandbox: Sandbox, guild: Guild, task: asyncio.Task[Any]) -> None:
    await sandbox.wait_ready()
    await sandbox.invoke(guild, "ada", "about")
    assert not task.done()


async def test_a_signal_ends_sessions_now_and_gives_0(
    sandbox: Sandbox, guild: Guild, config: Config, opening: Opening
) -> None:
    task = asyncio.create_task(run_bot(config, opening))
    await connected(sandbox, guild, task)
    await guild.join("ada", "Lounge")
    await sandbox.invoke(guild, "ada", "voice leaderboard")
    before = datetime.now(UTC)
    with capture_logs() as logs:
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(task, 15) == 0
    assert opening.opened == opening.closed == 1
    assert not sandbox.gateway.connections
    events = [line["event"] for line in logs if line["event"] != "bot_ready"]  # 2 s after the last
    assert events == ["bot_stopping", "bot_stopped"]

    repository = await Repository.open(opening.url)
    assert await repository.open_voice_sessions.count() == 0
    [session] = await repository.voice_sessions.select_all()
    assert before <= session.left_at <= datetime.now(UTC)
    await repository.close()


async def test_what_a_killed_process_left_open_is_ended_first(
    sandbox: Sandbox, guild: Guild, config: Config, opening: Opening
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    async with opening() as database:
        await database.repository.open_voice_sessions.insert(
            OpenVoiceSession(guild.id, 1, 2, long_ago)
        )
    task = asyncio.create_task(run_bot(config, opening))
    await connected(sandbox, guild, task)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(task, 15) == 0
    async with opening() as database:
        assert await database.repository.open_voice_sessions.count() == 0


async def test_a_signal_during_the_boot(config: Config) -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Database]:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError("not reached")
        yield

    task = asyncio.create_task(run_bot(config, slow))
    await entered.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(task, 5) == 0
    assert left.is_set()


def test_a_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[int] = []
    monkeypatch.setattr(os, "_exit", exits.append)

    async def ask_twice() -> None:
        stop = run.Stop()
        stop.ask(signal.SIGTERM)
        assert exits == []
        stop.ask(signal.SIGTERM)

    asyncio.run(ask_twice())
    assert exits == [143]


async def test_no_token(opening: Opening) -> None:
    with pytest.raises(ConfigError) as caught:
        await run_bot(load_config({}), opening)
    assert caught.value.exit_code == 2
    assert opening.opened == 0


async def test_a_refused_token(sandbox: Sandbox, opening: Opening) -> None:
    config = load_config({"DISCORD_TOKEN": "wrong", "DISCORD_API_URL": sandbox.api_url})
    with pytest.raises(TokenRefused, match="Discord refused the token") as caught:
        await run_bot(config, opening)
    assert caught.value.exit_code == 2
    assert "wrong" not in str(caught.value)
    assert opening.closed == 1


async def test_discord_out_of_reach(sandbox: Sandbox, config: Config, opening: Opening) -> None:
    sandbox.fail_next("GET", "/users/@me", 503, times=100)
    clock = ImpatientClock()
    with capture_logs() as logs, pytest.raises(DiscordUnreachable) as caught:
        await run_bot(config, opening, clock)
    assert caught.value.exit_code == 1
    assert clock.waits == list(run.RETRY_SECONDS)
    waits = [line["retry_in_seconds"] for line in logs if "retry_in_seconds" in line]
    assert waits == clock.waits
    assert opening.closed == 1


async def test_nobody_listens_at_discords_address(opening: Opening) -> None:
    config = load_config({"DISCORD_TOKEN": "x", "DISCORD_API_URL": "http://127.0.0.1:9/api/v10"})
    with pytest.raises(DiscordUnreachable):
        await run_bot(config, opening, ImpatientClock())


@pytest.mark.parametrize("path", ["/users/@me", "/gateway$", "/gateway/bot"])
async def test_discord_is_back_after_a_while(
    sandbox: Sandbox,
    guild: Guild,
    config: Config,
    opening: Opening,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "RETRY_SECONDS", (0.01, 0.01, 0.01))
    sandbox.fail_next("GET", path, 503, times=2)
    task = asyncio.create_task(run_bot(config, opening))
    await connected(sandbox, guild, task)
    assert sandbox.commands.syncs == 1
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(task, 15) == 0


@pytest.mark.parametrize(("code", "error"), [(4004, TokenRefused), (4013, GatewayLost)])
async def test_a_gateway_that_closes_for_good_ends_the_process(
    sandbox: Sandbox,
    guild: Guild,
    config: Config,
    opening: Opening,
    code: int,
    error: type[Exception],
) -> None:
    task = asyncio.create_task(run_bot(config, opening))
    await connected(sandbox, guild, task)
    await guild.join("ada", "Lounge")
    await sandbox.invoke(guild, "ada", "about")
    await sandbox.drop_connections(code=code)
    with pytest.raises(error):
        await asyncio.wait_for(task, 15)
    assert opening.closed == 1
    async with opening() as database:
        assert await database.repository.open_voice_sessions.count() == 0


async def test_a_heartbeat_that_dies_ends_the_process(
    sandbox: Sandbox,
    guild: Guild,
    config: Config,
    opening: Opening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    die = asyncio.Event()

    async def heartbeat(self: VoiceTracker) -> None:
        await die.wait()
        raise RuntimeError("no more heartbeats")

    monkeypatch.setattr(VoiceTracker, "run_heartbeat", heartbeat)
    task = asyncio.create_task(run_bot(config, opening))
    await connected(sandbox, guild, task)
    die.set()
    with pytest.raises(RuntimeError, match="no more heartbeats"):
        await asyncio.wait_for(task, 15)
    assert opening.closed == 1

"""How commands fail, are counted and are registered."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.commands import HASH_KEY
from pwrbot.entities import BotMeta
from pwrbot.repository import Repository
from pwrbot.repository.errors import CheckViolation
from pwrbot.sandbox import Guild, Sandbox
from pwrbot.services.settings import SettingsConflict
from tests.live_bot import LiveBot, live_bot

SECRET = "member 123456789012345678 said hello"


async def fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


def the_line(logs: list[Any], error_id: str) -> Any:
    [line] = [line for line in logs if error_id in str(line)]
    assert SECRET not in str(line)
    assert "123456789012345678" not in str(line)
    return line


async def test_a_failure_is_one_private_sentence_whose_id_is_in_one_log_line(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.bot.statistics, "leaderboard", fail)
    with capture_logs() as logs:
        reply = await live.ask(guild, "ada", "voice leaderboard")
        assert reply.deleted, "the public 'thinking' message"
    [private] = reply.follow_ups
    assert private.ephemeral
    found = re.search(r"the id ([0-9a-f]{8})\.$", private.text)
    assert found is not None
    line = the_line(logs, found[1])
    assert line["event"] == "command_failed"
    assert line["command"] == "voice leaderboard"
    assert line["error"] == "RuntimeError"
    assert line["log_level"] == "error"
    assert re.search(r"voice\.py:\d+ > test_commands\.py:\d+$", line["where"])
    assert len(live.bot.boards) == 0


async def test_a_failure_of_the_database_is_named_in_the_log(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise CheckViolation("voice_sessions.insert: breaks the rule", "voice_sessions_order")

    monkeypatch.setattr(live.tracker, "why", fail)
    with capture_logs() as logs:
        await live.ask(guild, "ada", "voice why")
    [line] = [line for line in logs if line["event"] == "command_failed"]
    assert line["database"] == "voice_sessions.insert: breaks the rule"
    assert line["constraint"] == "voice_sessions_order"


async def test_a_failure_of_a_private_command(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.tracker, "why", fail)
    reply = await live.ask(guild, "ada", "voice why")
    assert reply.ephemeral
    assert "Something went wrong on my side." in reply.text


async def test_a_failure_before_anything_was_answered(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwrbot.cogs.about.sheet", lambda *_: fail().send(None))
    reply = await live.ask(guild, "ada", "voice stats")
    assert not reply.ephemeral
    reply = await live.ask(guild, "ada", "about")
    assert reply.ephemeral
    assert "Something went wrong on my side." in reply.text


async def test_a_failure_of_a_button(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await live.ask(guild, "ada", "voice leaderboard")
    monkeypatch.setattr(live.bot.statistics, "leaderboard", fail)
    with capture_logs() as logs:
        reply = await board.choose("Range", "Today")
    assert reply is not board
    assert reply.ephemeral
    found = re.search(r"the id ([0-9a-f]{8})\.$", reply.text)
    assert found is not None
    assert the_line(logs, found[1])["command"] == "voice leaderboard"
    assert "Nobody has spent time" in board.text
    monkeypatch.undo()


async def test_a_conflict_is_said_as_it_is(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def conflict(*_: Any) -> Any:
        raise SettingsConflict

    monkeypatch.setattr(live.bot.settings, "update", conflict)
    reply = await live.ask(guild, "boss", "settings voice rules", alone=False)
    assert reply.ephemeral
    assert reply.text.startswith("Somebody else changed the settings at the same moment")


async def test_a_lost_answer_is_no_failure(live: LiveBot, guild: Guild) -> None:
    live.sandbox.fail_next("POST", "/interactions/.*/callback", lose_answer=True)
    with capture_logs() as logs:
        reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "Nobody has spent time" in reply.text
    assert [line for line in logs if line["event"] != "bot_ready"] == []


async def test_a_command_that_discord_still_shows(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.bot.tree.remove_command("about")
    with capture_logs() as logs:
        reply = await live.ask(guild, "ada", "about")
    assert reply.ephemeral
    assert reply.text == "This command has changed: reload Discord and try again in a minute."
    assert [line["event"] for line in logs] == ["command_unknown"]


async def test_commands_under_way_are_waited_for(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    real = live.bot.statistics.stats

    async def slow(*args: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await real(*args)

    monkeypatch.setattr(live.bot.statistics, "stats", slow)
    asking = asyncio.create_task(live.ask(guild, "ada", "voice stats"))
    await begun.wait()
    assert len(live.bot.in_flight) == 1
    stopping = asyncio.create_task(live.bot.wind_down(5))
    late = await live.ask(guild, "bob", "about")
    assert late.text == "I'm restarting: try again in a minute."
    assert not stopping.done()
    go_on.set()
    assert await stopping
    assert "Voice statistics of @ada" in (await asking).text


async def test_a_command_that_hangs_is_broken_off(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def hang(*_: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(live.bot.statistics, "stats", hang)
    asking = asyncio.create_task(live.ask(guild, "ada", "voice stats"))
    await begun.wait()
    with capture_logs() as logs:
        assert not await live.bot.wind_down(0.01)
    assert "commands_abandoned" in [line["event"] for line in logs]
    assert not live.bot.in_flight
    reply = await asking
    assert reply.deleted
    [said] = reply.follow_ups
    assert said.ephemeral
    assert said.text == "Interrupted by a restart: use the command again."


# Registration


async def test_commands_are_synced_only_when_they_changed(
    sandbox: Sandbox, guild: Guild, repository: Repository
) -> None:
    async with live_bot(sandbox, repository):
        assert sandbox.commands.syncs == 1
    async with live_bot(sandbox, repository):
        assert sandbox.commands.syncs == 1
    await repository.bot_meta.update(BotMeta(key=HASH_KEY, value="that of an older version"))
    async with live_bot(sandbox, repository):
        assert sandbox.commands.syncs == 2
    async with live_bot(sandbox, repository, command_sync="always"):
        assert sandbox.commands.syncs == 3


async def test_commands_are_not_synced_when_that_is_off(
    sandbox: Sandbox, sqlite_repository: Repository
) -> None:
    sandbox.add_guild("Home")
    async with live_bot(sandbox, sqlite_repository):
        pass
    await sqlite_repository.bot_meta.delete(HASH_KEY)
    async with live_bot(sandbox, sqlite_repository, command_sync="off"):
        assert sandbox.commands.syncs == 1
        assert await sqlite_repository.bot_meta.select(HASH_KEY) is None


async def test_a_failed_sync_is_tried_again_at_the_next_start(
    sandbox: Sandbox, sqlite_repository: Repository
) -> None:
    guild = sandbox.add_guild("Home", members=["ada"])
    async with live_bot(sandbox, sqlite_repository):
        pass
    await sqlite_repository.bot_meta.delete(HASH_KEY)
    sandbox.fail_next("PUT", "/applications/.*/commands", 403)
    with capture_logs() as logs:
        async with live_bot(sandbox, sqlite_repository) as live:
            assert "Version" in (await live.ask(guild, "ada", "about")).text
    assert "commands_sync_failed" in [line["event"] for line in logs]
    async with live_bot(sandbox, sqlite_repository):
        assert sandbox.commands.syncs == 2

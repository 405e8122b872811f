"""The client's own choices."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.commands import report_failure
from pwrbot.in_flight import InFlight
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable
from pwrbot.sandbox import Sandbox
from tests.discord_addresses import keep_addresses
from tests.live_bot import NOW, live_bot, make_bot


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


async def test_it_asks_for_little_and_pings_nobody(migrated_sqlite_url: str) -> None:
    repository = await Repository.open(migrated_sqlite_url)
    bot = make_bot(repository, ManualClock(NOW))
    assert bot.intents == discord.Intents(guilds=True, voice_states=True)
    assert bot.allowed_mentions is not None
    assert bot.allowed_mentions.to_dict() == {"parse": []}
    assert bot._connection.member_cache_flags == discord.MemberCacheFlags(voice=True, joined=False)
    await repository.close()


async def test_several_shards(migrated_sqlite_url: str) -> None:
    repository = await Repository.open(migrated_sqlite_url)
    async with Sandbox(shards=2, reaction=0.0) as sandbox:
        guilds = [
            sandbox.add_guild(f"G{n}", members=["ada"], voice_channels=["Lounge"]) for n in range(4)
        ]
        async with live_bot(sandbox, repository) as live:
            for guild in guilds:
                await guild.join("ada", "Lounge")
                await live.heard(guild)
            assert await repository.open_voice_sessions.count() == 4
            live.clock.advance(minutes=1)
            # One shard loses its connection; the guilds of the other go on.
            mine = [g for g in live.bot.guilds if g.shard_id == 0]
            live.bot.dispatch("shard_disconnect", 0)
            for guild in guilds:
                guild.place("ada", None)
                known = live.bot.get_guild(guild.id)
                assert known is not None
                known._voice_states.clear()
            live.bot.voice_gateway.reconcile()
            await live.tracker.drain()
            assert await repository.open_voice_sessions.count() == len(mine) > 0
    await repository.close()


async def test_work_under_way_is_counted() -> None:
    work = InFlight()
    assert await work.drained(0)
    with work:
        with work:
            assert len(work) == 2
        assert not await work.drained(0)
        waiting = asyncio.create_task(work.drained(5))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting
    assert not work


def refusal(status: int, code: int) -> discord.HTTPException:
    response = SimpleNamespace(status=status, reason="")
    kind = discord.NotFound if status == 404 else discord.HTTPException
    return kind(response, {"code": code, "message": "x"})  # type: ignore[arg-type]


class FakeInteraction:
    """Only what reporting a failure needs; every answer fails as told."""

    type = discord.InteractionType.application_command
    command = None

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.said: list[str] = []
        self.extras: dict[str, Any] = {}
        self.response = SimpleNamespace(is_done=lambda: False, type=None, send_message=self._send)
        self.followup = SimpleNamespace(send=self._follow_up)

    async def _send(self, text: str, *, ephemeral: bool) -> None:
        assert ephemeral
        if self.error is not None:
            raise self.error
        self.said.append(text)

    async def _follow_up(self, text: str, *, ephemeral: bool) -> None:
        assert ephemeral
        self.said.append(f"follow-up: {text}")


async def test_an_expired_interaction_is_not_answered_again() -> None:
    interaction: Any = FakeInteraction()
    with capture_logs() as logs:
        await report_failure(interaction, refusal(404, 10062))
    assert interaction.said == []
    assert [line["event"] for line in logs] == ["interaction_expired"]


async def test_an_interaction_that_was_answered_gets_a_follow_up() -> None:
    interaction: Any = FakeInteraction(refusal(400, 40060))
    with capture_logs():
        await report_failure(interaction, RuntimeError())
    [said] = interaction.said
    assert said.startswith("follow-up: Something went wrong on my side.")


@pytest.mark.parametrize("error", [DatabaseUnavailable(), DatabaseBusy()])
async def test_a_database_that_does_not_answer_is_no_riddle(error: DatabaseError) -> None:
    interaction: Any = FakeInteraction()
    with capture_logs() as logs:
        await report_failure(interaction, error)
    [said] = interaction.said
    assert "My database doesn't answer at the moment: try again in a minute." in said
    assert [line["error_id"] in said for line in logs] == [True]


@pytest.mark.parametrize(
    "error", [refusal(404, 10062), refusal(500, 0), aiohttp.ServerDisconnectedError(), OSError()]
)
async def test_a_sentence_that_cannot_be_said_raises_nothing(error: Exception) -> None:
    interaction: Any = FakeInteraction(error)
    with capture_logs() as logs:
        await report_failure(interaction, RuntimeError())
    assert [line["event"] for line in logs] == ["command_failed", "reply_lost"]

from __future__ import annotations

import pwrbot
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox
from tests.live_bot import LiveBot, live_bot


async def test_about_says_what_is_running(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository
) -> None:
    sandbox.add_guild("Away")
    async with live_bot(
        sandbox,
        sqlite_repository,
        engine_description="SQLite 3.45.1",
        schema_version="0004.bot_meta",
    ) as live:
        live.clock.advance(hours=2, minutes=5)
        reply = await live.ask(guild, "ada", "about")
    for line in (
        f"Version: {pwrbot.__version__}",
        "Uptime: 2 h 05 min",
        "Servers: 2",
        "Latency: ",
        "Database: SQLite 3.45.1",
        "Schema: 0004.bot_meta",
    ):
        assert line in reply.text


async def test_about_in_a_direct_message(live: LiveBot, guild: Guild) -> None:
    reply = await live.sandbox.invoke(None, guild.member("ada"), "about")
    assert "Version: " in reply.text
    assert "Database: unknown" in reply.text

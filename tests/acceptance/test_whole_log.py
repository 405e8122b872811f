"""The log of a whole run, with trouble in it, tells nobody's secrets, ids or names."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from psycopg import sql

from pwrbot.sandbox import MANAGE_GUILD, Guild, Sandbox
from tests.acceptance.process import BotProcess, of_sandbox, running
from tests.conftest import PostgresServer

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA.GaBcDe.abcdefghijklmnopqrstuvwxyz-0123456789_A"
PASSWORD = "k3y#of/the@house:%"
NAMES = ["Zaphod Beeblebrox", "Trillian Astra", "Marvin the Android"]
PLACES = ["Heart of Gold", "Bridge Deck", "Sick Bay", "Magrathea Orders"]
DISCORD_ID = re.compile(r"(?<!\d)\d{17,20}(?!\d)")


@pytest.fixture
def secret_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database whose owner has a password that is hard to write into a URL."""
    url = postgres_server.create()
    parts = urlsplit(url)
    database = parts.path.removeprefix("/")
    role = f"{database}_owner"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(PASSWORD)
            )
        )
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(database), sql.Identifier(role)
            )
        )
    yield f"postgresql://{role}:{quote(PASSWORD, safe='')}@{parts.hostname}:{parts.port}/{database}"
    postgres_server.drop(url)
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_a_whole_run(engine: str, form: str, request: pytest.FixtureRequest, tmp_path: Path):
    name = {"sqlite": "sqlite_database_url", "postgres": "secret_postgres_url"}[engine]
    url = request.getfixturevalue(name)
    async with Sandbox(token=TOKEN) as sandbox:
        guild = sandbox.add_guild(
            PLACES[0], members=NAMES[1:], voice_channels=PLACES[1:3], afk_channel=PLACES[3]
        )
        guild.add_member(NAMES[0], permissions=MANAGE_GUILD)
        environ = of_sandbox(sandbox, url, LOG_FORMAT=form, LOG_LEVEL="DEBUG", SLOW_QUERY_MS="0")
        async with running(environ, tmp_path) as bot:
            await bot.connected(sandbox)
            await sandbox.wait_for_commands()
            await _use(sandbox, guild)
            error_id = await _fail(sandbox, guild, url)
            await _trouble(sandbox, guild)
            assert await bot.stop() == 0
    _is_clean(bot)
    assert bot.complaints == []
    assert sum(error_id in line for line in bot.lines) == 1
    (line,) = [line for line in bot.lines if error_id in line]
    assert "voice leaderboard" in line
    if form == "json":
        _is_json(bot)
    else:
        _is_for_people(bot)


async def _use(sandbox: Sandbox, guild: Guild) -> None:
    """What members and their managers do all day."""
    first, second, third = NAMES
    for name in NAMES:
        await guild.join(name, PLACES[1])
    await guild.move(second, PLACES[2])
    await guild.mute(third)
    for command in ("voice leaderboard", "voice partners", "voice stats", "voice why", "about"):
        reply = await sandbox.invoke(guild, second, command)
        assert reply.text
    await sandbox.invoke(guild, first, "settings timezone", options={"name": "Europe/Berlin"})
    await sandbox.invoke(guild, first, "settings show")
    await sandbox.invoke(guild, second, "settings show", force=True)
    await guild.leave(third)


async def _fail(sandbox: Sandbox, guild: Guild, url: str) -> str:
    """A command that cannot work: the id that the member is told."""
    await asyncio.to_thread(_rename, url, "voice_member_totals", "elsewhere")
    reply = await sandbox.invoke(guild, NAMES[0], "voice leaderboard")
    await asyncio.to_thread(_rename, url, "elsewhere", "voice_member_totals")
    answers = [reply, *reply.follow_ups]
    (text,) = [a.text for a in answers if not a.deleted and "went wrong" in a.text]
    found = re.search(r"\b[0-9a-f]{8}\b", text)
    assert found is not None, text
    return found[0]


async def _trouble(sandbox: Sandbox, guild: Guild) -> None:
    """Of the kinds that discord.py has something to say about."""
    sandbox.fail_next("POST", r"/callback$", 500)
    sandbox.fail_next("PATCH", r"@original", 429)
    sandbox.fail_next("GET", r"/members/", 404)
    await asyncio.gather(
        *(sandbox.invoke(guild, NAMES[1], "voice stats", within=5) for _ in range(2)),
        return_exceptions=True,
    )
    await sandbox.drop_connections()
    await sandbox.until(lambda: sandbox.gateway.resumed == 1)
    await guild.make_unavailable()
    await guild.make_available()
    await sandbox.invoke(guild, NAMES[1], "about")


def _rename(url: str, table: str, to: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute(f"ALTER TABLE {table} RENAME TO {to}")
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER TABLE pwrbot.{} RENAME TO {}").format(
                sql.Identifier(table), sql.Identifier(to)
            )
        )


def _is_clean(bot: BotProcess) -> None:
    assert len(bot.lines) > 10
    forbidden = [
        TOKEN,
        *TOKEN.split(".")[::2],
        PASSWORD,
        quote(PASSWORD, safe=""),
        unquote(PASSWORD),
    ]
    for word in (*forbidden, *NAMES, *PLACES, *(part for name in NAMES for part in name.split())):
        if word == "the":
            continue
        assert word not in bot.output, f"{word} is in the log"
    assert DISCORD_ID.findall(bot.output) == []


def _is_json(bot: BotProcess) -> None:
    for line in bot.lines:
        record = json.loads(line)
        assert isinstance(record, dict)
        assert {"event", "level", "logger", "timestamp"} <= record.keys(), line
    loggers = {record["logger"] for record in bot.records}
    assert any(name.startswith("discord") for name in loggers)
    assert any(name.startswith("pwrbot") for name in loggers)


def _is_for_people(bot: BotProcess) -> None:
    heads = [line for line in bot.lines if re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[", line)]
    assert any("discord.gateway" in line for line in heads)
    assert any("bot_ready" in line or "commands_synced" in line for line in heads)
    assert not any(line.startswith("{") for line in bot.lines)
    assert "\x1b[" not in bot.output

"""What people get wrong, and what can be wrong around a bot: each says what to do about it.

Exit codes: 1 failed, 2 wrong settings, 3 refused to protect the data.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from pwrbot.sandbox import Sandbox
from tests.acceptance.process import IMPATIENT, environment, of_sandbox, pwrbot, running

TOKEN = "x" * 30


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of loopback that nobody answers on, and that the kernel gives to nobody else."""
    with closing(socket.socket()) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as whoever may listen on it
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def refused(cwd: Path, **settings: str) -> tuple[int, str]:
    """The exit code of ``pwrbot run``, and all it printed, which is never a traceback."""
    done = pwrbot("run", cwd=cwd, environ=environment(**settings))
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return done.returncode, said


# Settings


def test_no_token(tmp_path: Path):
    code, said = refused(tmp_path)
    assert code == 2
    for word in ("https://discord.com/developers/applications", "Reset Token", "DISCORD_TOKEN="):
        assert word in said
    for word in (".env", "DISCORD_TOKEN_FILE", "make demo"):
        assert word in said
    assert list(tmp_path.iterdir()) == [], "nothing was made for a bot that cannot start"


@pytest.mark.parametrize(
    ("content", "hint"),
    [(None, "cannot be read"), ("", "empty file"), ("two words", "no token has")],
)
def test_a_token_file_that_is_none(content: str | None, hint: str, tmp_path: Path):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    code, said = refused(tmp_path, DISCORD_TOKEN_FILE=str(path))
    assert code == 2
    assert "DISCORD_TOKEN_FILE" in said or "DISCORD_TOKEN" in said
    assert hint in said
    assert "two words" not in said


async def test_a_token_in_a_file(sqlite_database_url: str, tmp_path: Path):
    path = tmp_path / "token"
    async with Sandbox() as sandbox:
        sandbox.add_guild("Home")
        path.write_text(f"{sandbox.token}\n")
        environ = of_sandbox(sandbox, sqlite_database_url, DISCORD_TOKEN_FILE=str(path))
        del environ["DISCORD_TOKEN"]
        async with running(environ, tmp_path) as bot:
            await bot.connected(sandbox)
            assert await bot.stop() == 0


async def test_a_token_that_discord_refuses(sqlite_database_url: str, tmp_path: Path):
    async with Sandbox() as sandbox:
        environ = of_sandbox(sandbox, sqlite_database_url, DISCORD_TOKEN=TOKEN)
        async with running(environ, tmp_path) as bot:
            assert await bot.ended() == 2
    assert "Discord refused the token" in bot.output
    assert "developer portal" in bot.output
    assert "DISCORD_TOKEN" in bot.output
    assert TOKEN not in bot.output
    assert "Traceback" not in bot.output


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"DATABASE_URL": "mysql://u:hunter2@h/d"},
            ["DATABASE_URL", "sqlite:///", "postgresql://"],
        ),
        ({"DEFAULT_TIMEZONE": "Mars/Olympus"}, ["DEFAULT_TIMEZONE", "Europe/Berlin"]),
        ({"DISCORD_API_URL": "http://127.0.0.1:1/"}, ["DISCORD_API_URL", "/v10"]),
        ({"LOG_LEVEL": "LOUD", "VOICE_HEARTBEAT_SECONDS": "-1"}, ["LOG_LEVEL", "HEARTBEAT"]),
        ({"DATABASE_SCHEMA": "no schema;"}, ["DATABASE_SCHEMA"]),
        ({"DATABASE_URL": "sqlite://"}, ["sqlite:///"]),
        ({"DATABASE_URL": "postgresql://u:hunter2@"}, ["DATABASE_URL"]),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, str], words: list[str], tmp_path: Path):
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, **settings)
    assert code == 2
    for word in words:
        assert word in said
    assert "hunter2" not in said


def test_a_broken_env_file(tmp_path: Path):
    (tmp_path / ".env").write_text("DISCORD_TOKEN=abc\nnonsense hunter2\n")
    code, said = refused(tmp_path)
    assert code == 2
    assert ".env:2" in said
    assert "hunter2" not in said


# SQLite


def test_a_directory_below_a_file(tmp_path: Path):
    (tmp_path / "file").touch()
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATA_DIR="file/data")
    assert code == 1
    assert "file/data" in said
    assert "write" in said


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is Linux's")
@pytest.mark.parametrize("directory", ["/sys", "/sys/pwrbot"])
def test_a_directory_that_is_read_only(directory: str, tmp_path: Path):
    """/sys takes no file from anybody, not even from root."""
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATA_DIR=directory)
    assert code == 1
    assert directory in said
    assert "write" in said


def test_a_file_that_is_no_database(tmp_path: Path):
    path = tmp_path / "pwrbot.db"
    content = b"These are somebody's notes. " * 400
    path.write_bytes(content)
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATABASE_URL=f"sqlite:///{path}")
    assert code == 1
    assert "pwrbot.db is damaged or is no database" in said
    assert "backup" in said
    assert path.read_bytes() == content


def test_a_damaged_database(migrated_sqlite_url: str, tmp_path: Path):
    path = Path(migrated_sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * (4096 - 100)  # the schema
    path.write_bytes(content)
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATABASE_URL=migrated_sqlite_url)
    assert code == 1
    assert "damaged" in said


LIMITED = (
    sys.executable,
    "-c",
    """
import resource, signal, sys
from pwrbot.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
raise SystemExit(main())
""",
)
"""The same program, but no file it writes can be longer than 20 kB: as near as an unprivileged
process comes to a full disk."""


async def test_no_room_for_the_database(sqlite_database_url: str, tmp_path: Path):
    async with Sandbox() as sandbox:
        # Python must not leave half a .pyc behind.
        environ = of_sandbox(sandbox, sqlite_database_url, PYTHONDONTWRITEBYTECODE="1")
        async with running(environ, tmp_path, LIMITED) as bot:
            assert await bot.ended() in (1, 3)
    assert "disk" in bot.output
    assert "Traceback" not in bot.output
    with closing(sqlite3.connect(sqlite_database_url.removeprefix("sqlite:///"))) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# Two at once


async def test_a_second_bot(database_url: str, tmp_path: Path):
    async with Sandbox() as sandbox:
        sandbox.add_guild("Home")
        environ = of_sandbox(sandbox, database_url)
        async with running(environ, tmp_path) as first:
            await first.connected(sandbox)
            async with running(environ, tmp_path, IMPATIENT) as second:
                assert await second.ended() == 3
            assert "Another pwrbot process" in second.output
            assert "stop it" in second.output
            assert "Traceback" not in second.output
            # The first one has noticed nothing.
            guild = next(iter(sandbox.guilds.values()))
            assert (await sandbox.invoke(guild, guild.owner, "about")).text
            assert await first.stop() == 0
        async with running(environ, tmp_path) as third:
            await third.connected(sandbox)
            assert await third.stop() == 0


def test_a_newer_database(migrated_url: str, tmp_path: Path):
    if migrated_url.startswith("sqlite"):
        with closing(sqlite3.connect(migrated_url.removeprefix("sqlite:///"))) as file:
            _pretend_newer(file, "")
            file.commit()
    else:
        with psycopg.connect(migrated_url, autocommit=True) as connection:
            _pretend_newer(connection, "pwrbot.")
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATABASE_URL=migrated_url)
    assert code == 3
    assert "9999.from_the_future" in said
    assert "newer version" in said


def _pretend_newer(connection: sqlite3.Connection | psycopg.Connection, schema: str) -> None:
    """As yoyo would have noted it."""
    connection.execute(
        f"INSERT INTO {schema}_yoyo_migration (migration_hash, migration_id, applied_at_utc)"
        " VALUES ('abc', '9999.from_the_future', '2030-01-01 00:00:00')"  # type: ignore[arg-type]
    )


# PostgreSQL


def test_a_wrong_password(postgres_database_url: str, tmp_path: Path):
    url = re.sub(r"://([^:]+):[^@]+@", r"://\1:hunter2@", postgres_database_url)
    assert "hunter2" in url
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATABASE_URL=url)
    assert code == 1
    assert "password" in said
    assert "DATABASE_URL" in said
    assert "hunter2" not in said


def test_a_database_that_is_not_there(postgres_database_url: str, tmp_path: Path):
    url = postgres_database_url + "_not"
    code, said = refused(tmp_path, DISCORD_TOKEN=TOKEN, DATABASE_URL=url)
    assert code == 1
    assert "DATABASE_URL" in said
    password = urlsplit(url).password
    assert password is None or password not in said


async def test_no_server(tmp_path: Path, closed_port: int):
    url = f"postgresql://pwrbot:hunter2@127.0.0.1:{closed_port}/pwrbot"
    environ = environment(DISCORD_TOKEN=TOKEN, DATABASE_URL=url)
    async with running(environ, tmp_path, IMPATIENT) as bot:
        assert await bot.ended() == 1
    assert len(bot.events("database_unreachable")) == 2
    assert "cannot be reached" in bot.output
    assert "hunter2" not in bot.output
    assert "Traceback" not in bot.output


# Discord


async def test_discord_comes_up_later(sqlite_database_url: str, tmp_path: Path, closed_port: int):
    sandbox = Sandbox(port=closed_port)
    sandbox.add_guild("Home")
    async with running(of_sandbox(sandbox, sqlite_database_url), tmp_path) as bot:
        await bot.logged("discord_unreachable")
        async with sandbox:
            await bot.connected(sandbox)
            await sandbox.wait_for_commands()
            assert await bot.stop() == 0


async def test_told_to_stop_before_discord_was_reached(
    sqlite_database_url: str, tmp_path: Path, closed_port: int
):
    environ = of_sandbox(Sandbox(port=closed_port), sqlite_database_url)
    async with running(environ, tmp_path) as bot:
        await bot.logged("discord_unreachable")
        assert await asyncio.wait_for(bot.stop(), 10) == 0

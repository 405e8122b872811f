"""What the demo does and prints, step by step."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from pwrbot.clock import SystemClock
from pwrbot.config import load_config
from pwrbot.database import open_database
from pwrbot.demo.community import DAYS, NAMES, add_guild, seed
from pwrbot.demo.site import Site
from pwrbot.errors import PwrbotError
from pwrbot.logging import configure_logging
from pwrbot.sandbox import Guild, Reply, Sandbox
from pwrbot.sandbox.render import render

DIRECTORY: Final = Path("data/demo")
STOP_SECONDS: Final = 15


class DemoFailed(PwrbotError):
    """The bot of the demo did not do what it should; its log is in data/demo/bot.log."""


async def run_demo() -> int:
    """Show the bot at work; returns the exit code. Everything it writes is below data/demo."""
    started = monotonic()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    # A token that only the sandbox takes, and no setting of the host's: the demo is its own.
    environ = {
        "DATA_DIR": str(DIRECTORY),
        "LOG_FORMAT": "json",
        "VOICE_HEARTBEAT_SECONDS": "1",
        "FEED_MIN_INTERVAL_SECONDS": "1",
        "FEED_MAX_INTERVAL_SECONDS": "1",
    }
    with tempfile.TemporaryFile("w") as unread:
        # What the seeding logs is no part of the show.
        configure_logging("WARNING", "console", unread)
        async with Sandbox() as sandbox, Site("The Hearth Gazette") as site:
            guild = add_guild(sandbox)
            await _remember(environ, guild)
            environ |= {
                "DISCORD_API_URL": sandbox.api_url,
                "DISCORD_TOKEN": sandbox.token,
                "FEED_ALLOWED_HOSTS": site.host,
            }
            async with _bot(environ):
                await _live(sandbox, guild)
                await _news(sandbox, guild, site)
    _step(f"Done in {monotonic() - started:.0f} seconds. The bot has stopped; its data is yours:")
    _farewell()
    return 0


async def _remember(environ: dict[str, str], guild: Guild) -> None:
    _step(f"A new SQLite database, migrated, and {DAYS} days in the life of {len(NAMES)} members")
    now = SystemClock().now()

    def progress(day: int) -> None:
        end = "\n" if day == DAYS else "\r" if sys.stdout.isatty() else ""
        if end:
            print(f"  day {day} of {DAYS}", end=end, flush=True)

    async with open_database(load_config(environ)) as database:
        await seed(database.repository, guild, now - timedelta(minutes=1), progress)
        count = await database.repository.voice_sessions.count()
    print(f"  {count:,} voice sessions kept")


async def _live(sandbox: Sandbox, guild: Guild) -> None:
    _step("The real bot, a process of its own, connects to a stand-in for Discord on loopback")
    await sandbox.wait_for_commands()
    await sandbox.wait_ready()
    print("  connected, commands registered")

    _step("Live: Ada and Kaito join the Lounge, Jukebox (a bot) too; Kaito moves to Gaming")
    for name in ("Ada", "Kaito", "Jukebox"):
        await guild.join(name, "Lounge")
    await asyncio.sleep(1.5)
    await guild.move("Kaito", "Gaming")
    await guild.join("Yuki", "Gaming")
    await asyncio.sleep(1.5)

    ask = _Asking(sandbox, guild)
    board = await ask("Quinn", "voice leaderboard", range="past_14_days")
    await board.press("▶")
    print(_boxed("... and after Quinn pressed ▶", board.text))
    await ask("Kaito", "voice partners", range="past_14_days")
    await ask("Ada", "voice stats", range="all_time")
    await ask("Kaito", "voice why")
    await guild.join("Kaito", "Asleep")
    await ask("Kaito", "voice why")
    await ask(guild.owner.user.name, "settings show")
    await ask("Quinn", "about")


async def _news(sandbox: Sandbox, guild: Guild, site: Site) -> None:
    _step("Feeds: a site on this machine publishes; the server follows it")
    ask, general = _Asking(sandbox, guild), guild.channel("general")
    boss = guild.owner.user.name
    site.publish("The Hearth opens its doors", "This was before.", _now() - timedelta(days=2))
    await ask(boss, "feed subscribe", "1 subscribed", links=site.url)
    await asyncio.sleep(1.1)  # feeds tell time in whole seconds
    title = "Kaito holds the record in Gaming"
    site.publish(title, "Nobody has spent more time there this month. See you tonight!", _now())
    began = monotonic()
    seen = len(sandbox.sent(general))
    await sandbox.until(lambda: any(title in str(m) for m in sandbox.sent(general)[seen:]))
    seconds = monotonic() - began
    text = render(sandbox.sent(general)[-1], lambda sign, id_: sandbox.name(sign, id_, guild))
    print(_boxed(f"#general: {seconds:.1f} s after the site published it", text))
    await ask(boss, "feed list", "Gazette")
    await ask("Ada", "feed health", "Gazette")


def _now() -> datetime:
    return SystemClock().now()


class _Asking:
    """Runs commands as a member and prints what that member sees."""

    def __init__(self, sandbox: Sandbox, guild: Guild) -> None:
        self._sandbox = sandbox
        self._guild = guild

    async def __call__(self, name: str, command: str, said: str = "", **options: Any) -> Reply:
        """``said``: what the reply says once it is complete."""
        reply = await self._sandbox.invoke(self._guild, name, command, options=options)
        await reply.until(lambda now: said in now.text)
        typed = " ".join([f"/{command}", *(f"{k}:{v}" for k, v in options.items())])
        private = ", only they see it" if reply.ephemeral else ""
        milliseconds = reply.answered_after * 1000
        print(_boxed(f"{name}: {typed}  ({milliseconds:.0f} ms{private})", reply.text))
        return reply


@asynccontextmanager
async def _bot(environ: dict[str, str]) -> AsyncGenerator[None]:
    """The bot's process, stopped the way an operator stops it; its log goes to a file."""
    names = ("PATH", "HOME", "LANG", "PYTHONPATH")
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    environment = inherited | environ | {"PWRBOT_SQL_DIR": os.environ.get("PWRBOT_SQL_DIR", "")}
    with (DIRECTORY / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pwrbot", "run", env=environment, stdout=log, stderr=log
        )
    alive = asyncio.create_task(process.wait())
    try:
        yield
    finally:
        if not alive.done():
            process.terminate()
        done, _ = await asyncio.wait([alive], timeout=STOP_SECONDS)
        if not done:
            process.kill()
            await alive
    if process.returncode != 0:
        raise DemoFailed


def _farewell() -> None:
    database = DIRECTORY / "pwrbot.db"
    print(
        textwrap.indent(
            f"database   {database}\n"
            f"its log    {DIRECTORY / 'bot.log'}\n"
            "Try next:\n"
            "  .venv/bin/pwrbot sql list                          every statement the bot runs\n"
            "  .venv/bin/pwrbot sql show voice_sessions.partners  one of them, on both engines\n"
            f"  DATA_DIR={DIRECTORY} make status                     the migrations it has\n"
            "  make run                                           your own bot (see README)",
            "  ",
        )
    )


def _step(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _boxed(title: str, text: str) -> str:
    """A reply with a line beside it, to tell it from what the demo says."""
    return f"\n  {title}\n" + textwrap.indent(text, "  │ ", lambda line: True)

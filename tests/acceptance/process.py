"""``pwrbot`` as a process of its own, whose environment holds nothing but what a test gives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pwrbot.sandbox import NotSeen, Sandbox

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "pwrbot")


IMPATIENT = (
    sys.executable,
    "-c",
    """
from pwrbot.fleet import join_fleet
from pwrbot.repository.engine.postgres_lock import PostgresLock
from pwrbot.repository.process_lock import ProcessLock

ProcessLock.__init__.__kwdefaults__["wait_seconds"] = 1.0
join_fleet.__kwdefaults__["wait_seconds"] = 1.0
PostgresLock.acquire.__kwdefaults__["pauses"] = (0.1, 0.1)

from pwrbot.cli import main

raise SystemExit(main())
""",
)
"""The same program, but it waits a second where it else waits half a minute."""


def environment(**settings: str) -> dict[str, str]:
    """What a process of pwrbot needs to start, and these settings."""
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **settings}


def of_sandbox(sandbox: Sandbox, url: str, **settings: str) -> dict[str, str]:
    """An environment in which the bot finds a sandbox and a database."""
    known = {
        "DISCORD_TOKEN": sandbox.token,
        "DISCORD_API_URL": sandbox.api_url,
        "DATABASE_URL": url,
        "VOICE_HEARTBEAT_SECONDS": "1",
    }
    return environment(**(known | settings))


def pwrbot(
    *arguments: str, cwd: Path, environ: dict[str, str] | None = None, within: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment() if environ is None else environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


class BotProcess:
    """A running ``pwrbot run``: what it has printed so far, and ways to end it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self.lines: list[str] = []
        """What it wrote to standard output: its log."""
        self.complaints: list[str] = []
        """What it wrote to standard error."""
        self._changed = asyncio.Event()
        self._readers = [
            asyncio.ensure_future(self._read(process.stdout, self.lines)),
            asyncio.ensure_future(self._read(process.stderr, self.complaints)),
        ]

    @property
    def output(self) -> str:
        """Everything it has printed."""
        return "\n".join([*self.lines, *self.complaints])

    @property
    def records(self) -> list[dict[str, Any]]:
        """Its log, where that is JSON."""
        return [json.loads(line) for line in self.lines]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["event"] == name]

    async def logged(self, event: str, *, times: int = 1, within: float = 30.0) -> dict[str, Any]:
        """The record of an event, once it has been logged that often."""
        await self.until(lambda: len(self.events(event)) >= times, f"{event} x{times}", within)
        return self.events(event)[times - 1]

    async def until(self, seen: Callable[[], bool], what: str = "it", within: float = 30.0) -> None:
        """Return once ``seen()``, asked after each line. Fails where the process ends before."""
        try:
            async with asyncio.timeout(within):
                while not seen():
                    if all(reader.done() for reader in self._readers):
                        raise AssertionError(f"The bot ended before {what}:\n{self.output}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"No {what} within {within} s:\n{self.output}") from None

    async def connected(self, sandbox: Sandbox, *, within: float = 30.0) -> None:
        """Return once every shard is connected and was sent its guilds."""
        ready = asyncio.ensure_future(sandbox.wait_ready(within=within))
        end = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait((ready, end), return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise AssertionError(f"The bot ended before it was connected:\n{self.output}")
            try:
                await ready
            except NotSeen:
                raise AssertionError(f"Not connected in {within} s:\n{self.output}") from None
        finally:
            ready.cancel()
            end.cancel()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, *, within: float = 30.0) -> int:
        """Its exit code, once it has ended and all it printed was read."""
        try:
            async with asyncio.timeout(within):
                code = await self._process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            raise AssertionError(f"Still running after {within} s:\n{self.output}") from None
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, within: float = 15.0) -> int:
        """Ask it to end; its exit code."""
        self.send(number)
        return await self.ended(within=within)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self.ended()

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))
            self._changed.set()
        self._changed.set()


@asynccontextmanager
async def running(
    environ: dict[str, str], cwd: Path, command: Sequence[str] = COMMAND
) -> AsyncIterator[BotProcess]:
    """The bot's process; at the end nothing of it is left."""
    process = await asyncio.create_subprocess_exec(
        *command,
        "run",
        cwd=cwd,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    bot = BotProcess(process)
    try:
        yield bot
    finally:
        await bot.kill()

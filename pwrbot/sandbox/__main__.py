"""``python -m pwrbot.sandbox``: a Discord of one's own on loopback, to try the bot by hand."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from pwrbot.sandbox.console import HELP, Console
from pwrbot.sandbox.sandbox import Sandbox

MEMBERS = ("ada", "bob", "cleo", "dan", "eve")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pwrbot.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8010, help="on 127.0.0.1 (default %(default)s)")
    parser.add_argument("--shards", type=int, default=1, help="how many shards to advise")
    arguments = parser.parse_args()
    if not 0 <= arguments.port <= 65535:
        parser.error("--port must be a number from 0 to 65535")
    if arguments.shards < 1:
        parser.error("--shards must be at least 1")
    try:
        asyncio.run(_serve(arguments.port, arguments.shards))
    except OSError as error:
        print(f"Port {arguments.port} cannot be had ({error.strerror}): try another --port.")
        return 1
    return 0


async def _serve(port: int, shards: int) -> None:
    async with Sandbox(port=port, shards=shards) as sandbox:
        guild = sandbox.add_guild(
            "Home", members=MEMBERS, voice_channels=("Lounge", "Games"), afk_channel="AFK"
        )
        print(
            f"A stand-in for Discord with the guild {guild.name!r}. Start the bot with\n"
            f"  DISCORD_API_URL={sandbox.api_url} DISCORD_TOKEN={sandbox.token} make run\n"
            f"then type, for example: join ada Lounge\n\n{HELP}",
            flush=True,
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, stop.set)
        reading = asyncio.create_task(_read(Console(sandbox, guild), stop))
        await stop.wait()
        reading.cancel()


async def _read(console: Console, stop: asyncio.Event) -> None:
    """Act on typed lines; without any to come (input closed) just keep serving."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(PermissionError, ValueError, NotImplementedError):
        loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    while line := await lines.get():
        if line.strip() in ("quit", "exit"):
            stop.set()
            return
        print(await console.run(line), flush=True)
    loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    sys.exit(main())

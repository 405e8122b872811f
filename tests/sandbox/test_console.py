"""The sandbox as a program, and what one can type there."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from pwrbot.sandbox import Guild, Sandbox
from pwrbot.sandbox.__main__ import main
from pwrbot.sandbox.console import Console
from tests.sandbox.sample_bot import SampleBot


async def test_members_are_played_by_typing(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    console = Console(sandbox, guild)
    assert await console.run("join ada Lounge") == "Done."
    assert await console.run("mute ada") == "Done."
    assert "Lounge: ada" in await console.run("who")
    assert "/voice who [member] [number]" in await console.run("commands")
    shown = await console.run("as ada /voice who member=bob number=2")
    assert shown.startswith("(only you can see this)\nMember @bob 2")
    assert "Page 1" in await console.run("as ada /voice page")
    assert "Page 2" in await console.run("press Next")
    assert "Not yours." in await console.run("press Next bob")
    assert "Page 3" in await console.run("choose Page 'Go to 3'")
    assert "No member 'zoe'" in await console.run("join zoe Lounge")
    for nonsense in ("dance", "join ada", "as ada /voice page 'x", ""):
        assert "help | quit" in await console.run(nonsense)
    await bot.until(lambda: len(bot.voices()) == 2)


async def test_the_program_says_how_to_connect_and_stops():
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pwrbot.sandbox", "--port", "0"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    said = await process.stdout.readline()
    assert said.strip().startswith(b"DISCORD_API_URL=http://127.0.0.1:")
    process.stdin.write(b"who\n")
    while b"members:" not in await process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--port", "99999", "from 0 to 65535"), ("--shards", "0", "at least 1")],
)
def test_what_cannot_be_served(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["sandbox", option, value])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert said in capsys.readouterr().err

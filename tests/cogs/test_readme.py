"""The README's table of commands: all that there are, with their options, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from discord import app_commands

from tests.live_bot import LiveBot

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def listed(names: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Each command of the first column, with the options that stand there.

    A word without a stroke is a command beside the one before: `/feed filter add`, `remove`.
    """
    table = README.partition("\n## Commands\n")[2].lstrip().partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        group: list[str] = []
        for cell in re.findall(r"`([^`]+)`", row.split("|")[1]):
            words = cell.removeprefix("/").split()
            if not cell.startswith("/"):
                words = group + words
            length = next(
                (n for n in range(len(words), 0, -1) if " ".join(words[:n]) in names), len(words)
            )
            group = words[: length - 1]
            yield " ".join(words[:length]), words[length:]


def known(live: LiveBot) -> dict[str, list[str]]:
    """The options of every command, in brackets where they may be left out."""
    return {
        command.qualified_name: [
            option.display_name if option.required else f"[{option.display_name}]"
            for option in command.parameters
        ]
        for command in live.bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }


async def test_the_readme_lists_every_command_once(live: LiveBot) -> None:
    commands = known(live)
    assert sorted(name for name, _ in listed(commands)) == sorted(commands)


async def test_options_in_the_readme_are_all_that_a_command_has(live: LiveBot) -> None:
    """Where it shows any: long lists of them are left to Discord."""
    commands = known(live)
    shown = {name: options for name, options in listed(commands) if options}
    assert shown == {name: commands.get(name) for name in shown}
    assert len(shown) >= 5

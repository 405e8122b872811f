"""Playing the members of a sandbox's guild by typing, for whoever tries the bot by hand."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from pwrbot.sandbox.errors import SandboxError
from pwrbot.sandbox.guild import Guild
from pwrbot.sandbox.reply import Reply
from pwrbot.sandbox.sandbox import Sandbox

HELP = """\
join MEMBER CHANNEL         into a voice channel, or over to it
leave MEMBER                out of voice
mute MEMBER | deafen MEMBER on and off
as MEMBER /COMMAND [name=value ...]
press BUTTON [MEMBER]       on the last reply
choose MENU OPTION [MEMBER]
who                         who is in which voice channel
commands                    what the bot has synced
drop | outage | back        cut the gateway; the guild goes away and comes back
help | quit"""


class Console:
    """Reads one line at a time and says what came of it."""

    def __init__(self, sandbox: Sandbox, guild: Guild) -> None:
        self._sandbox = sandbox
        self._guild = guild
        self._reply: Reply | None = None
        self._words: dict[str, Callable[..., Any]] = {
            "join": self._join,
            "leave": guild.leave,
            "mute": self._mute,
            "deafen": self._deafen,
            "as": self._as,
            "press": self._press,
            "choose": self._choose,
            "who": self._who,
            "commands": self._commands,
            "drop": sandbox.drop_connections,
            "outage": guild.make_unavailable,
            "back": guild.make_available,
            "help": self._help,
        }

    async def run(self, line: str) -> str:
        """Do what a line says; the text to show."""
        try:
            word, *rest = shlex.split(line) or ["help"]
            act = self._words.get(word)
            if act is None:
                return f"There is no {word!r}.\n{HELP}"
            said = await act(*rest)
        except SandboxError as error:
            return str(error)
        except (TypeError, ValueError):
            return f"That does not read well.\n{HELP}"
        return said if isinstance(said, str) else "Done."

    async def _join(self, member: str, channel: str) -> None:
        await self._guild.join(member, channel)

    async def _mute(self, member: str) -> None:
        voice = self._guild.member(member).voice
        await self._guild.mute(member, not (voice and voice.self_mute))

    async def _deafen(self, member: str) -> None:
        voice = self._guild.member(member).voice
        await self._guild.deafen(member, not (voice and voice.self_deaf))

    async def _as(self, member: str, *words: str) -> str:
        path = [word for word in words if "=" not in word]
        options = dict(word.split("=", 1) for word in words if "=" in word)
        self._reply = await self._sandbox.invoke(
            self._guild, member, " ".join(path), options=options
        )
        return self._shown(self._reply)

    async def _press(self, button: str, member: str | None = None) -> str:
        by = None if member is None else self._guild.member(member)
        return self._shown(await self._last().press(button, by=by))

    async def _choose(self, select: str, option: str, member: str | None = None) -> str:
        by = None if member is None else self._guild.member(member)
        return self._shown(await self._last().choose(select, option, by=by))

    def _last(self) -> Reply:
        if self._reply is None:
            raise SandboxError("There is no reply yet: run a command first, as ada /about.")
        return self._reply

    @staticmethod
    def _shown(reply: Reply) -> str:
        if reply.modal is not None:
            return f"(a form: {reply.modal['title']})"
        private = "(only you can see this)\n" if reply.ephemeral else ""
        return f"{private}{reply.text}\n({reply.answered_after * 1000:.0f} ms)"

    async def _who(self) -> str:
        lines = [
            f"{channel.name}: {', '.join(m.display_name for m in channel.occupants) or 'nobody'}"
            for channel in self._guild.channels.values()
            if channel.kind in ("voice", "stage")
        ]
        names = [m.display_name for m in self._guild.members.values() if not m.user.bot]
        return "\n".join([*lines, f"members: {', '.join(names)}"])

    async def _commands(self) -> str:
        lines: list[str] = []
        for command in self._sandbox.commands.all():
            _paths(command, "/", lines)
        return "\n".join(sorted(lines)) or "None yet."

    async def _help(self) -> str:
        return HELP


def _paths(command: dict[str, Any], prefix: str, lines: list[str]) -> None:
    subs = [option for option in command.get("options") or [] if option["type"] in (1, 2)]
    for sub in subs:
        _paths(sub, f"{prefix}{command['name']} ", lines)
    if not subs:
        options = " ".join(f"[{option['name']}]" for option in command.get("options") or [])
        lines.append(f"{prefix}{command['name']} {options}".rstrip())

"""A sandbox, the truth about its guilds, and a bot that watches them as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pwrbot.sandbox import Guild, Sandbox
from tests.acceptance.process import BotProcess, of_sandbox, running
from tests.acceptance.stored import Stored, check, sessions
from tests.acceptance.truth import Truth, Watch, now

SLACK = timedelta(seconds=0.5)
"""What an event may take on its way on a busy machine."""

TALK = 0.7
"""Seconds that people talk between two events: more than SLACK, so that a lost stretch shows."""


class Scene:
    """One test's world. ``lost`` and ``found`` say when the bot was out of contact."""

    def __init__(self, sandbox: Sandbox, bot: BotProcess, url: str) -> None:
        self.sandbox = sandbox
        self.bot = bot
        self._url = url
        self.truths = {guild.id: Truth(guild) for guild in sandbox.guilds.values()}
        self._watches: dict[int, list[Watch]] = {}
        self._began = now()

    @property
    def truth(self) -> Truth:
        """Of the only guild."""
        (truth,) = self.truths.values()
        return truth

    def found(self, *guilds: Guild) -> datetime:
        """From now on the bot sees these guilds, or all."""
        for guild in guilds or self.sandbox.guilds.values():
            self._watches.setdefault(guild.id, []).append(Watch(self._began, seen=now()))
        return now()

    def lost(self, *guilds: Guild) -> datetime:
        """From now on it doesn't."""
        for guild in guilds or self.sandbox.guilds.values():
            self._watches[guild.id][-1].ended_from = now()
        return now()

    async def heard(self) -> None:
        """Return once the bot has read all that it was sent: one more command came through."""
        for guild in self.sandbox.guilds.values():
            if guild.bot_present and guild.available:
                await self.sandbox.invoke(guild, guild.owner, "about")

    async def talk(self) -> None:
        await asyncio.sleep(TALK)

    async def stored(self) -> list[Stored]:
        return await asyncio.to_thread(sessions, self._url)

    async def end(self) -> list[Stored]:
        """Stop the bot, compare each member's total with the truth, and give the sessions.

        Least is what it saw in contact; most is all there was since it started.
        """
        for guild in self.sandbox.guilds.values():
            watches = self._watches.get(guild.id)
            if watches and watches[-1].ended_from is None:
                self.lost(guild)
        assert await self.bot.stop(signal.SIGTERM) == 0, self.bot.output
        ended = now()
        rows = await self.stored()
        check(rows)
        assert all(row.left_at is not None for row in rows), "a session is still open"
        for guild in self.sandbox.guilds.values():
            for watch in self._watches.get(guild.id, []):
                watch.ended = ended
            for member in guild.members.values():
                mine = [r for r in rows if (r.guild_id, r.user_id) == (guild.id, member.id)]
                self._compare(guild, member.id, sum(row.seconds for row in mine))
        return rows

    def _compare(self, guild: Guild, user_id: int, total: float) -> None:
        bounds = [
            self.truths[guild.id].bounds(user_id, watch)
            for watch in self._watches.get(guild.id, [])
        ]
        least = sum(bound[0] for bound in bounds)
        most = max((bound[1] for bound in bounds), default=0.0)
        name = guild.members[user_id].display_name
        slack = SLACK.total_seconds() * max(1, len(bounds))
        assert least - slack <= total <= most + slack, f"{name}: {total} not in {least}..{most}"


def of(rows: Sequence[Stored], guild: Guild, who: str) -> list[Stored]:
    """A member's sessions."""
    user_id = guild.member(who).id
    return [row for row in rows if (row.guild_id, row.user_id) == (guild.id, user_id)]


def near(moment: datetime | None, wanted: datetime) -> bool:
    return moment is not None and abs(moment - wanted) <= SLACK


@asynccontextmanager
async def watching(sandbox: Sandbox, url: str, cwd: Path, **settings: str) -> AsyncIterator[Scene]:
    """The bot, connected and told of every guild."""
    environ = of_sandbox(sandbox, url, VOICE_RECONCILE_SECONDS="1", **settings)
    async with running(environ, cwd) as bot:
        scene = Scene(sandbox, bot, url)
        await bot.connected(sandbox)
        await sandbox.wait_for_commands()
        await scene.heard()
        scene.found()
        yield scene

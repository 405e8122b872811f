"""What the bot does by itself once a minute: boards, roles, half-done resets, who came and went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog

from pwrbot.repository.errors import DatabaseError

if TYPE_CHECKING:
    from pwrbot.bot import Bot

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 60.0
"""Between the end of a round and the next one."""


class Chores:
    """None waits for another: giving roles can take minutes. What fails is a line in the log and
    tried again."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._steps: Mapping[str, Callable[[], Awaitable[Any]]] = {
            "resets": bot.voice_reset.finish,
            "purge": bot.voice_reset.purge,
            "boards": lambda: bot.voice_boards.look(bot.guild_door),
            "rewards": lambda: bot.voice_rewards.look(bot.guild_door),
            "departures": bot.people.sweep,
            "feeds": lambda: bot.feed_presence.look(bot.guild_door.ids()),
        }

    async def run(self) -> None:
        """For ever, from when Discord has told of its guilds."""
        await self._bot.wait_until_ready()
        async with asyncio.TaskGroup() as group:
            for step in self._steps:
                group.create_task(self._repeat(step), name=f"chore-{step}")

    async def once(self) -> None:
        """One round of each, in order."""
        for step in self._steps:
            await self._do(step)

    async def _repeat(self, step: str) -> None:
        while True:
            await self._do(step)
            await self._bot.clock.sleep(EVERY_SECONDS)

    async def _do(self, step: str) -> None:
        try:
            await self._steps[step]()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Only something it waited for was cancelled: a task that ends so would never run again.
            log.exception("chore_failed", step=step)
        except DatabaseError as error:  # it says itself what is wrong, and may say so for hours
            log.warning("chore_failed", step=step, error=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("chore_failed", step=step)

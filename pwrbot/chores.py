"""What the bot does by itself once a minute: boards, roles, half-done resets, who came back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from pwrbot.bot import Bot

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 60.0


class Chores:
    """One round after the other; what fails is a line in the log and tried again."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._steps: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
            ("resets", bot.voice_reset.finish),
            ("purge", bot.voice_reset.purge),
            ("boards", lambda: bot.voice_boards.look(bot.guild_door)),
            ("rewards", lambda: bot.voice_rewards.look(bot.guild_door)),
            ("departures", bot.people.sweep),
        )

    async def run(self) -> None:
        """For ever, from when Discord has told of its guilds."""
        await self._bot.wait_until_ready()
        while True:
            await self.once()
            await self._bot.clock.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """One round of all there is to do."""
        for step, work in self._steps:
            try:
                await work()
            except Exception as error:
                log.error("chore_failed", step=step, error=type(error).__name__)

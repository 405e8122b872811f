"""/about: what is running here, and since when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from discord import app_commands
from discord.ext import commands

import pwrbot
from pwrbot.replies import Interaction
from pwrbot.shards import Shards
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import duration, moment

if TYPE_CHECKING:
    from pwrbot.bot import Bot


class About(commands.Cog):
    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    @app_commands.command()
    async def about(self, interaction: Interaction) -> None:
        """What this bot is, how long it has been up and what it runs on."""
        await interaction.response.send_message(view=sheet("pwrbot", self._facts()))

    def _facts(self) -> list[str]:
        bot = self._bot
        up = bot.clock.now() - bot.started_at
        return [
            f"**Version**: {pwrbot.__version__}",
            f"**Uptime**: {duration(up)}, since {moment(bot.started_at)}",
            f"**Servers**: {len(bot.guilds):,}{_part(bot.own_shards)}",
            f"**Latency**: {_milliseconds(bot.latency)}",
            f"**Database**: {bot.engine_description or 'unknown'}",
            f"**Schema**: {bot.schema_version or 'unknown'}",
        ]


def _part(shards: Shards | None) -> str:
    """Of a bot in several processes: which of its servers this one counts."""
    return "" if shards is None else f", those of this process (shards {shards})"


def _milliseconds(seconds: float) -> str:
    """Discord's answer to a gateway heartbeat; there is none in the first seconds."""
    return f"{seconds * 1000:,.0f} ms" if math.isfinite(seconds) else "not measured yet"

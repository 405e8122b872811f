"""/voice reset and /voice undo, for members who manage the server."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands

from pwrbot.checks import guild_of, require_manager
from pwrbot.commands import Refusal
from pwrbot.replies import Interaction, defer
from pwrbot.services.cover import FIRST_YEAR
from pwrbot.services.ranges import day_start
from pwrbot.services.voice_reset import ResetScope
from pwrbot.views.resets import scope_lines
from pwrbot.views.wording import count, duration

if TYPE_CHECKING:
    from pwrbot.bot import Bot

_TOO_FAR: Final = "That day is too far away."

VoiceLike = discord.VoiceChannel | discord.StageChannel


class VoiceResetCommands:
    """Commands that stand in the group /voice."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def add_to(self, group: app_commands.Group) -> None:
        """Make both part of a group."""
        for name, callback, description in (
            ("reset", self.reset, "Take voice time away, by member, channel or days."),
            (
                "undo",
                self.undo,
                "Undo the last reset of voice time, then the one before, within a day.",
            ),
        ):
            group.add_command(
                app_commands.Command(name=name, callback=callback, description=description)
            )

    @app_commands.describe(
        member="Whose time, everybody's if left out",
        channel="In which channel, in all if left out",
        first_day="From which day on, such as 2026-03-01",
        last_day="Up to which day, such as 2026-03-31",
    )
    async def reset(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        channel: VoiceLike | None = None,
        first_day: str | None = None,
        last_day: str | None = None,
    ) -> None:
        require_manager(interaction)
        await defer(interaction, private=True)
        guild_id = guild_of(interaction)
        zone = await self._bot.settings.zone(guild_id)
        first, last = _day(first_day), _day(last_day)
        if first is not None and last is not None and last < first:
            raise Refusal("The last day lies before the first one.")
        since: datetime | None = None
        until: datetime | None = None
        try:
            if first is not None:
                since = day_start(first, zone)
            if last is not None:
                until = day_start(last + timedelta(days=1), zone)
        except OverflowError:
            raise Refusal(_TOO_FAR) from None
        scope = ResetScope(
            user_id=member and member.id,
            channel_id=channel and channel.id,
            since=since,
            until=until,
        )
        found = await self._bot.voice_reset.preview(guild_id, scope)
        if not found.sessions:
            raise Refusal("There is no time in voice to reset there.")
        lines = [
            *scope_lines(scope),
            *([f"**Days by**: {zone.key}"] if first or last else []),
            f"**Would go**: {count(found.sessions, 'session')} of "
            f"{count(found.members, 'member')} with {duration(found.total)}",
            "Who is in voice goes on being counted from now. It can be undone for a day.",
        ]
        await self._bot.resets.ask(interaction, scope, lines)

    async def undo(self, interaction: Interaction) -> None:
        require_manager(interaction)
        await defer(interaction, private=True)
        await self._bot.resets.undo(interaction)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Refusal("Write a day as year-month-day, such as 2026-03-01.") from None
    if day.year < FIRST_YEAR:
        raise Refusal(_TOO_FAR)
    return day

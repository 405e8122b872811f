"""/voice board: leaderboards that a channel gets by itself, for members who manage the server."""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands

from pwrbot.checks import guild_of, manages, require_manager, typed_id
from pwrbot.cogs.range_option import RangeChoice
from pwrbot.commands import Refusal
from pwrbot.entities import VoiceBoard, VoiceBoardKind
from pwrbot.replies import Interaction, defer
from pwrbot.services.ranges import DEFAULT_RANGE, Range
from pwrbot.services.voice_boards import LEAST_MINUTES, MOST_MINUTES
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count, moment

if TYPE_CHECKING:
    from pwrbot.bot import Bot

Where = discord.TextChannel | discord.VoiceChannel | discord.StageChannel
Every = Literal["day", "week", "month"]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_WEEKDAYS: tuple[Weekday, ...] = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


class VoiceBoardCommands(app_commands.Group):
    """Boards that a channel gets by itself."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(name="board", description="Leaderboards that a channel gets by itself.")
        self._bot = bot
        self._boards = bot.voice_boards

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        guild_of(interaction)
        require_manager(interaction)
        return True

    @app_commands.command()
    @app_commands.describe(
        channel="Where to post",
        every="How often: it shows the whole day, 7 days or month before",
        hour="At which hour of this server's time zone",
        weekday="On which day of the week, for one each week",
    )
    async def post(
        self,
        interaction: Interaction,
        channel: Where,
        every: Every,
        hour: app_commands.Range[int, 0, 23] = 9,
        weekday: Weekday = "Monday",
    ) -> None:
        """Post a leaderboard in a channel each day, week or month."""
        await defer(interaction, private=True)
        self._may_post(interaction, channel)
        board = await self._boards.schedule(
            guild_of(interaction),
            channel.id,
            every,
            hour=hour,
            weekday=_WEEKDAYS.index(weekday),
        )
        await self._answer(interaction, "This board posts itself now", [_line(board)])

    @app_commands.command()
    @app_commands.describe(
        channel="Where to keep it",
        range="What it looks back on",
        minutes="How long it stays as it is, at least",
    )
    async def live(
        self,
        interaction: Interaction,
        channel: Where,
        range: RangeChoice = DEFAULT_RANGE,
        minutes: app_commands.Range[int, LEAST_MINUTES, MOST_MINUTES] = 10,
    ) -> None:
        """Keep one leaderboard in a channel current."""
        await defer(interaction, private=True)
        self._may_post(interaction, channel)
        guild_id = guild_of(interaction)
        board = await self._boards.keep_current(guild_id, channel.id, range, minutes)
        await self._answer(interaction, "This board is kept current now", [_line(board)])

    @app_commands.command(name="list")
    async def boards(self, interaction: Interaction) -> None:
        """The boards of this server, and what stops them where something does."""
        await defer(interaction, private=True)
        boards = await self._boards.of_guild(guild_of(interaction))
        lines = [_line(board) for board in boards]
        title = "Boards that this server gets by itself"
        await self._answer(interaction, title, lines or ["There is none."])

    @app_commands.command()
    @app_commands.describe(
        channel="The channel, by its mention or id", kind="Which board; all if left out"
    )
    async def remove(
        self,
        interaction: Interaction,
        channel: str,
        kind: Literal["day", "week", "month", "live"] | None = None,
    ) -> None:
        """Stop a channel's boards; what was posted stays."""
        await defer(interaction, private=True)
        chosen: VoiceBoardKind | None = kind
        removed = await self._boards.remove(guild_of(interaction), typed_id(channel, "#"), chosen)
        if not removed:
            raise Refusal("There is no such board: see /voice board list.")
        done = "It posts no more." if removed == 1 else "They post no more."
        await self._answer(interaction, f"{count(removed, 'board')} removed", [done])

    @remove.autocomplete("channel")
    async def _channels(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Those with a board, deleted ones too, which Discord's own choice does not offer."""
        if not manages(interaction):
            return []
        guild = interaction.guild
        names: dict[int, str] = {}
        for board in await self._boards.of_guild(guild_of(interaction)):
            channel = guild.get_channel(board.channel_id) if guild is not None else None
            gone = f"deleted channel {board.channel_id}"
            names[board.channel_id] = f"#{channel.name}" if channel is not None else gone
        return [
            app_commands.Choice(name=name[:100], value=str(channel_id))
            for channel_id, name in names.items()
            if typed.casefold() in name.casefold()
        ][:25]

    def _may_post(self, interaction: Interaction, channel: Where) -> None:
        if interaction.guild is None:
            return
        permissions = channel.permissions_for(interaction.guild.me)
        if not (permissions.view_channel and permissions.send_messages):
            raise Refusal("I may not see that channel, or not send messages there.")

    async def _answer(self, interaction: Interaction, title: str, lines: Sequence[str]) -> None:
        await interaction.edit_original_response(view=sheet(title, lines))


def _line(board: VoiceBoard) -> str:
    when = moment(board.next_at)
    if board.kind == "live":
        label = Range(board.look_back).label.lower()
        what = f"kept current, {label}, at most every {count(board.minutes, 'minute')}"
    else:
        day = f", {_WEEKDAYS[board.weekday]}s" if board.kind == "week" else ""
        what = f"every {board.kind}{day} at {board.hour:02}:00, next {when}"
    problem = f"\n-# It doesn't work: {board.problem}" if board.problem else ""
    return f"<#{board.channel_id}>: {what}{problem}"

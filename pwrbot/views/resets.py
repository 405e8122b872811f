"""A reset asks before it acts, and offers to be undone after.

Controls are found by the id they carry, like those of boards; Undo also after a restart.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aiohttp
import discord
import msgspec
import structlog
from discord import ui

from pwrbot.checks import guild_of, require_manager
from pwrbot.clock import Clock
from pwrbot.commands import report_failure
from pwrbot.entities import VoiceRemoval
from pwrbot.in_flight import InFlight
from pwrbot.replies import Interaction, defer, tell
from pwrbot.services.removed_sessions import Restored
from pwrbot.services.voice_reset import ResetRefused, ResetScope, VoiceReset
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count, duration, mention, moment

log = structlog.get_logger(__name__)

TIMEOUT = timedelta(minutes=3)
"""How long one has to confirm."""

_PREFIX = "reset"
_HALF_DONE = (
    "If it had begun already, it goes on by itself within some minutes: look at "
    "/voice leaderboard then. /voice undo takes it back.",
)
_HALF_UNDONE = (
    "If it had begun already, it goes on by itself within some minutes: look at "
    "/voice leaderboard then. Don't use /voice undo again before you looked: it would undo the "
    "reset before this one, too.",
)


class _Asked(msgspec.Struct):
    scope: ResetScope
    invoker_id: int
    interaction: Interaction
    lines: Sequence[str]
    expiry: asyncio.Task[None]


class Resets:
    """The resets that wait for a yes, and the buttons that undo one."""

    def __init__(self, reset: VoiceReset, clock: Clock, in_flight: InFlight) -> None:
        self._reset = reset
        self._clock = clock
        self._in_flight = in_flight
        self._asked: dict[str, _Asked] = {}

    async def ask(self, interaction: Interaction, scope: ResetScope, lines: Sequence[str]) -> None:
        """Show what would go, in answer to a command that was deferred, and wait for a yes."""
        token = secrets.token_hex(8)
        expiry = asyncio.create_task(self._expire(token), name="reset-expiry")
        self._asked[token] = _Asked(scope, interaction.user.id, interaction, lines, expiry)
        layout = _layout(
            "Reset this voice time?",
            lines,
            _button("Reset", f"go:{token}", discord.ButtonStyle.danger),
            _button("Cancel", f"no:{token}"),
        )
        await interaction.edit_original_response(view=layout)

    async def undo(self, interaction: Interaction, removal_id: int | None = None) -> None:
        """Undo a reset, the last that was not undone where none is named; in answer to what was
        deferred. Raises ResetRefused."""
        guild_id = guild_of(interaction)
        try:
            if removal_id is None:
                restored = await self._reset.undo_last(guild_id)
            else:
                restored = await self._reset.undo(guild_id, removal_id)
        except ResetRefused:
            raise
        except BaseException as error:
            layout = _layout("Undo interrupted", _HALF_UNDONE)
            await interaction.edit_original_response(view=layout)
            if isinstance(error, asyncio.CancelledError):
                return  # raised, it would have the member told to use the command again
            raise
        layout = _layout("The reset is undone", _lines_of(restored))
        await interaction.edit_original_response(view=layout)

    async def take(self, interaction: Interaction) -> None:
        """Act on a press; interactions of anything else are left alone."""
        data: Any = interaction.data or {}
        prefix, _, rest = str(data.get("custom_id", "")).partition(":")
        if interaction.type is not discord.InteractionType.component or prefix != _PREFIX:
            return
        control, _, argument = rest.partition(":")
        with self._in_flight:
            try:
                require_manager(interaction)
                await self._press(interaction, control, argument)
            except Exception as error:
                await report_failure(interaction, error, name="voice reset")

    async def close(self) -> None:
        """Forget what waits for a yes."""
        for asked in self._asked.values():
            asked.expiry.cancel()
        self._asked.clear()

    async def _press(self, interaction: Interaction, control: str, argument: str) -> None:
        if control == "undo" and argument.isdigit():
            await defer(interaction, private=True)
            await self.undo(interaction, int(argument))
            return
        asked = self._asked.get(argument)
        if asked is None:
            await tell(interaction, "These controls have expired: use the command again.")
            return
        if asked.invoker_id != interaction.user.id:
            await tell(interaction, "Only the member who asked can confirm this.")
            return
        del self._asked[argument]
        asked.expiry.cancel()
        await defer(interaction)
        if control != "go":
            layout = _layout("Nothing was reset", ["All voice time is as it was."])
            await interaction.edit_original_response(view=layout)
            return
        await interaction.edit_original_response(
            view=_layout("Resetting", ["This can take some minutes for a large server."])
        )
        try:
            done = await self._reset.reset(
                guild_of(interaction),
                asked.scope,
                removal_id=interaction.id,
                asked_by=interaction.user.id,
            )
        except ResetRefused:
            layout = _layout("Reset not done", ["All voice time is as it was."])
            await interaction.edit_original_response(view=layout)
            raise
        except BaseException:
            await interaction.edit_original_response(view=_layout("Reset interrupted", _HALF_DONE))
            raise
        lines = [
            f"{count(done.sessions, 'session')} with {duration(done.total)} went.",
            f"It can be undone until {moment(done.asked_at + timedelta(days=1))}: "
            "with this button, or with /voice undo.",
        ]
        button = _button("Undo", f"undo:{done.removal_id}")
        await interaction.edit_original_response(view=_layout("Reset done", lines, button))

    async def _expire(self, token: str) -> None:
        await self._clock.sleep(TIMEOUT.total_seconds())
        asked = self._asked.pop(token, None)
        if asked is None:
            return
        layout = _layout("Nothing was reset", [*asked.lines, "There was no answer in time."])
        try:
            await asked.interaction.edit_original_response(view=layout)
        except (discord.HTTPException, aiohttp.ClientError, OSError, RuntimeError) as error:
            log.debug("reset_not_disabled", error=type(error).__name__)


def scope_lines(scope: ResetScope | VoiceRemoval) -> list[str]:
    """Whose time it is, where and when."""
    since, until = scope.since, scope.until
    begins = f"from {moment(since)}" if since is not None else "from the beginning"
    ends = f"to {moment(until)}" if until is not None else "to now"
    return [
        f"**Member**: {mention(scope.user_id) if scope.user_id is not None else 'everybody'}",
        f"**Channel**: {f'<#{scope.channel_id}>' if scope.channel_id is not None else 'all'}",
        f"**Time**: {begins} {ends}",
    ]


def _lines_of(restored: Restored) -> list[str]:
    lines = [
        f"**Asked for**: {moment(restored.removal.asked_at)}",
        *scope_lines(restored.removal),
        f"{count(restored.sessions, 'session')} came back.",
    ]
    if restored.collided:
        lines.append(
            f"{count(restored.collided, 'session')} lay where there is other time by now, and "
            "came back without that part or not at all."
        )
    return lines


def _button(
    label: str, control: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> ui.Button[Any]:
    return ui.Button(label=label, custom_id=f"{_PREFIX}:{control}", style=style)


def _layout(title: str, lines: Sequence[str], *buttons: ui.Button[Any]) -> ui.LayoutView:
    layout = sheet(title, lines)
    if buttons:
        layout.add_item(ui.ActionRow(*buttons))
    # Finished: discord.py is to draw it, not to listen to it.
    layout.stop()
    return layout

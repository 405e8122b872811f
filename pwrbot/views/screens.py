"""Screens: messages with controls that only the member who asked can use.

``Boards`` finds a screen by the token its controls carry, and turns its controls off in time.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import aiohttp
import discord
import structlog
from discord import ui
from discord.utils import MISSING

from pwrbot.replies import Interaction

log = structlog.get_logger(__name__)

PREFIX = "board"
"""What the custom id of every control begins with."""


class Shown(Protocol):
    """What ``Boards`` keeps."""

    token: str
    invoker_id: int
    name: str
    """Of the command, for the log."""

    async def show(self, interaction: Interaction) -> None:
        """Draw, in place of what the deferred interaction shows."""
        ...

    async def press(self, interaction: Interaction, control: str) -> None:
        """Do what a control says and draw again."""
        ...

    async def disable(self) -> None:
        """Draw once more with all controls off; never raises."""
        ...


class Screen(ABC):
    """A message that a member changes by its controls; presses take effect one after the other."""

    def __init__(self, invoker_id: int, name: str) -> None:
        self.token = secrets.token_hex(8)
        self.invoker_id = invoker_id
        self.name = name
        self._latest: Interaction | None = None
        self._turn = asyncio.Lock()

    @abstractmethod
    async def act(self, control: str, interaction: Interaction) -> None:
        """Do what a control asks for, "open" at first. What it raises leaves the screen as it is.

        ``interaction`` says who pressed, and what they may do now.
        """

    @abstractmethod
    def items(self, live: bool) -> list[ui.Item[Any]]:
        """What the message holds now; its controls are off unless ``live``."""

    def control(self, name: str) -> str:
        """The custom id of a control."""
        return f"{PREFIX}:{self.token}:{name}"

    async def show(self, interaction: Interaction) -> None:
        await self.press(interaction, "open")

    async def press(self, interaction: Interaction, control: str) -> None:
        async with self._turn:
            await self.act(control, interaction)
            await interaction.edit_original_response(view=self._layout(live=True))
            self._latest = interaction

    async def disable(self) -> None:
        async with self._turn:
            if self._latest is not None:
                await draw_off(self._latest, self._layout(live=False))

    def _layout(self, *, live: bool) -> ui.LayoutView:
        layout = ui.LayoutView(timeout=None)
        for item in self.items(live):
            layout.add_item(item)
        # Finished: discord.py is to draw it, not to listen to it.
        layout.stop()
        return layout


async def draw_off(
    interaction: Interaction,
    layout: ui.LayoutView,
    attachments: Sequence[discord.Attachment] = MISSING,
) -> None:
    """Show a screen whose controls are off; what goes wrong is only logged."""
    try:
        await interaction.edit_original_response(view=layout, attachments=attachments)
    except (
        discord.HTTPException,
        aiohttp.ClientError,
        OSError,
        TimeoutError,
        RuntimeError,  # the HTTP session is closed: Discord ended the connection for good
    ) as error:
        log.debug("board_not_disabled", error=type(error).__name__)


def page_buttons(
    control: Callable[[str], str], page: int, pages: int, live: bool
) -> list[ui.Button[Any]]:
    """First, previous, the number, next and last."""
    at_start, at_end = page <= 1, page >= pages
    controls = (
        ("first", "⏮", at_start),
        ("previous", "◀", at_start),
        ("count", f"{page}/{pages}", True),
        ("next", "▶", at_end),
        ("last", "⏭", at_end),
    )
    return [
        ui.Button(label=label, custom_id=control(name), disabled=off or not live)
        for name, label, off in controls
    ]


def turned(control: str, page: int, pages: int) -> int:
    """The page that a button of ``page_buttons`` asks for; the same for any other control."""
    match control:
        case "first":
            return 1
        case "previous":
            return max(1, page - 1)
        case "next":
            return page + 1
        case "last":
            return pages
        case _:
            return page

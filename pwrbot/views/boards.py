"""Boards: messages with a range to choose and pages to turn, for the member who asked.

A board is found by the id its controls carry, from the moment before it is shown: discord.py's own
views listen only once Discord's answer is back, and lose a click that comes sooner. That also lets
a press on a board of before the last restart be answered.
"""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import discord
import msgspec
from discord import ui

from pwrbot.clock import Clock
from pwrbot.commands import report_failure
from pwrbot.in_flight import InFlight
from pwrbot.replies import Interaction, defer, tell
from pwrbot.services.ranges import Range
from pwrbot.views.screens import PREFIX, Shown, draw_off, page_buttons, turned

TIMEOUT = timedelta(minutes=3)
"""How long a board's controls work after the last press. Discord allows edits for 15 minutes."""


class BoardPage(msgspec.Struct, frozen=True):
    """What a board shows at one time, as Discord's markdown."""

    title: str
    when: str
    """The range in words and moments."""
    lines: Sequence[str]
    """Never empty: a board without entries says so in its one line."""
    note: str | None = None
    """A last line about the member who asked."""
    page: int = 1
    pages: int = 1


Load = Callable[[Range, int], Awaitable[BoardPage]]
"""Fetches a page of a range; one beyond the last gives the last."""


class Board:
    """One message with controls. Presses take effect one after the other."""

    def __init__(self, load: Load, invoker_id: int, name: str, range: Range, page: int) -> None:
        self.token = secrets.token_hex(8)
        self.invoker_id = invoker_id
        self.name = name
        self._load = load
        self._range = range
        self._page = page
        self._shown: BoardPage | None = None
        self._latest: Interaction | None = None
        self._turn = asyncio.Lock()

    async def show(self, interaction: Interaction) -> None:
        """Fetch and draw, in place of what the deferred interaction shows."""
        async with self._turn:
            await self._draw(interaction, self._range, self._page)

    async def press(self, interaction: Interaction, control: str) -> None:
        """Do what a control says and draw again."""
        async with self._turn:
            await self._draw(interaction, *self._chosen(control, interaction))

    async def disable(self) -> None:
        """Draw once more with all controls off, where there are any; never raises."""
        if self._shown is None:
            return
        async with self._turn:
            if self._latest is None:
                return
            await draw_off(self._latest, self._layout(self._shown, self._range, live=False))

    def _chosen(self, control: str, interaction: Interaction) -> tuple[Range, int]:
        """What a control asks for, seen from the range and page that are shown."""
        if control == "range":
            values = (interaction.data or {}).get("values") or [self._range]
            return Range(values[0]), 1
        pages = self._shown.pages if self._shown is not None else 1
        return self._range, turned(control, self._page, pages)

    async def _draw(self, interaction: Interaction, range: Range, page: int) -> None:
        shown = await self._load(range, page)
        await interaction.edit_original_response(view=self._layout(shown, range, live=True))
        # Only now: a press that failed leaves the board where the member sees it.
        self._range, self._page = range, shown.page
        self._shown = shown
        self._latest = interaction

    def _layout(self, shown: BoardPage, range: Range, *, live: bool) -> ui.LayoutView:
        body: list[ui.Item[Any]] = [
            ui.TextDisplay(f"### {shown.title}\n-# {shown.when}"),
            ui.Separator(),
            ui.TextDisplay("\n".join(shown.lines)),
        ]
        if shown.note:
            body += [ui.Separator(), ui.TextDisplay(shown.note)]
        layout = ui.LayoutView(timeout=None)
        layout.add_item(ui.Container(*body))
        layout.add_item(ui.ActionRow(self._select(range, live)))
        if shown.pages > 1:
            buttons = page_buttons(self._control, shown.page, shown.pages, live)
            layout.add_item(ui.ActionRow(*buttons))
        # Finished: discord.py is to draw it, not to listen to it.
        layout.stop()
        return layout

    def _select(self, range: Range, live: bool) -> ui.Select[Any]:
        return ui.Select(
            custom_id=self._control("range"),
            placeholder="Range",
            options=[
                discord.SelectOption(label=each.label, value=each, default=each is range)
                for each in Range
            ],
            disabled=not live,
        )

    def _control(self, control: str) -> str:
        return f"{PREFIX}:{self.token}:{control}"


class Boards:
    """The boards, and other screens, whose controls work now."""

    def __init__(self, clock: Clock, in_flight: InFlight, timeout: timedelta = TIMEOUT) -> None:
        self._clock = clock
        self._in_flight = in_flight
        self._timeout = timeout.total_seconds()
        self._live: dict[str, tuple[Shown, asyncio.Task[None]]] = {}
        self.closing = False
        """Whether presses are refused because the bot is about to stop."""

    def __len__(self) -> int:
        return len(self._live)

    async def open(self, interaction: Interaction, board: Shown) -> None:
        """Show a board in answer to a command that was deferred."""
        self._keep(board)
        try:
            await board.show(interaction)
        except BaseException:
            self._let_go(board)
            raise

    async def take(self, interaction: Interaction) -> None:
        """Act on a press; interactions of anything else are left alone."""
        data: Any = interaction.data or {}
        prefix, _, rest = str(data.get("custom_id", "")).partition(":")
        if interaction.type is not discord.InteractionType.component or prefix != PREFIX:
            return
        token, _, control = rest.partition(":")
        with self._in_flight:
            board, _ = self._live.get(token, (None, None))
            if board is None or self.closing:
                await tell(interaction, "These controls have expired: use the command again.")
            elif interaction.user.id != board.invoker_id:
                await tell(interaction, "Only the member who asked can turn this board's pages.")
            else:
                await self._press(board, interaction, control)

    async def close(self, seconds: float = 3) -> None:
        """Turn every board's controls off, as far as that many seconds allow."""
        self.closing = True
        boards = [board for board, _ in self._live.values()]
        for board in boards:
            self._let_go(board)
        if boards:
            tasks = [asyncio.create_task(board.disable()) for board in boards]
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()

    async def _press(self, board: Shown, interaction: Interaction, control: str) -> None:
        self._keep(board)
        try:
            await defer(interaction)
            await board.press(interaction, control)
        except Exception as error:
            await report_failure(interaction, error, name=board.name)

    def _keep(self, board: Shown) -> None:
        """Start, or start again, the time until the board's controls go off."""
        self._let_go(board)
        expiry = asyncio.create_task(self._expire(board), name="board-expiry")
        self._live[board.token] = (board, expiry)

    def _let_go(self, board: Shown) -> None:
        _, expiry = self._live.pop(board.token, (None, None))
        if expiry is not None:
            expiry.cancel()

    async def _expire(self, board: Shown) -> None:
        await self._clock.sleep(self._timeout)
        self._live.pop(board.token, None)
        await board.disable()

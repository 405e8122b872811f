"""Boards: messages with a range to choose and pages to turn, for the member who asked.

A board is found by the id its controls carry, from the moment before it is shown: discord.py's own
views listen only once Discord's answer is back, and lose a click that comes sooner. That also lets
a press on a board of before the last restart be answered.
"""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import discord
import msgspec
import structlog
from discord import ui
from msgspec.structs import replace

from pwrbot.clock import Clock
from pwrbot.commands import report_failure
from pwrbot.in_flight import InFlight
from pwrbot.pictures import Picture, PictureUnavailable
from pwrbot.replies import Interaction, defer, tell
from pwrbot.services.ranges import Range
from pwrbot.views.screens import PREFIX, Shown, draw_off, page_buttons, turned

log = structlog.get_logger(__name__)

TIMEOUT = timedelta(minutes=3)
"""How long a board's controls work after the last press. Discord allows edits for 15 minutes."""

_NO_FILES = "This is text because I may not attach files here."
_NO_PICTURE = "This is text because no picture can be drawn at the moment: try again later."
_REFUSED = "This is text because Discord did not take the picture."


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
    picture: Callable[[], Awaitable[Picture]] | None = None
    """Draws what the lines say; raises PictureUnavailable. The member chooses which is shown."""
    remark: str | None = None
    """Why it is text though the member chose pictures."""
    ranged: bool = True
    """Whether it goes by the range."""


Load = Callable[[Range, int], Awaitable[BoardPage]]
"""Fetches a page of a range; one beyond the last gives the last."""


class _Asked(msgspec.Struct, frozen=True):
    range: Range
    page: int
    view: str
    plain: bool


class Board:
    """One message with controls. Presses take effect one after the other."""

    def __init__(
        self,
        views: Load | Mapping[str, Load],
        invoker_id: int,
        name: str,
        range: Range,
        page: int,
        *,
        plain: bool = True,
        choose_plain: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        """``views`` are offered by their labels, the first is shown; ``plain`` is text in place of
        pictures, and ``choose_plain`` remembers that choice."""
        self.token = secrets.token_hex(8)
        self.invoker_id = invoker_id
        self.name = name
        self._views = views if isinstance(views, Mapping) else {"": views}
        self._choose_plain = choose_plain
        self._asked = _Asked(range, page, next(iter(self._views)), plain)
        self._shown: BoardPage | None = None
        self._picture: Picture | None = None
        self._attached: list[discord.Attachment] = []
        self._latest: Interaction | None = None
        self._turn = asyncio.Lock()

    async def show(self, interaction: Interaction) -> None:
        """Fetch and draw, in place of what the deferred interaction shows."""
        async with self._turn:
            await self._draw(interaction, self._asked)

    async def press(self, interaction: Interaction, control: str) -> None:
        """Do what a control says and draw again."""
        async with self._turn:
            asked = self._chosen(control, interaction)
            if asked.plain is not self._asked.plain and self._choose_plain is not None:
                await self._choose_plain(asked.plain)
            await self._draw(interaction, asked)

    async def disable(self) -> None:
        """Draw once more with all controls off, where there are any; never raises."""
        async with self._turn:
            if self._shown is None or self._latest is None:
                return
            view = self._layout(self._shown, self._asked, self._picture, live=False)
            # The picture is kept, not sent once more.
            await draw_off(self._latest, view, self._attached)

    def _chosen(self, control: str, interaction: Interaction) -> _Asked:
        """What a control asks for, seen from what is shown."""
        now = self._asked
        values: Sequence[str] = (interaction.data or {}).get("values") or [""]
        match control:
            case "range":
                return replace(now, range=Range(values[0] or now.range), page=1)
            case "view" if values[0] in self._views:
                return replace(now, view=values[0], page=1)
            case "text" | "picture":
                return replace(now, plain=control == "text")
            case _:
                pages = self._shown.pages if self._shown is not None else 1
                return replace(now, page=turned(control, now.page, pages))

    async def _draw(self, interaction: Interaction, asked: _Asked) -> None:
        shown = await self._views[asked.view](asked.range, asked.page)
        picture = None
        if shown.picture is not None and not interaction.app_permissions.attach_files:
            shown = replace(shown, picture=None, remark=None if asked.plain else _NO_FILES)
        elif shown.picture is not None and not asked.plain:
            try:
                picture = await shown.picture()
            except PictureUnavailable as error:
                log.debug("board_without_picture", error=str(error))
                shown = replace(shown, remark=_NO_PICTURE)
        try:
            message = await self._send(interaction, shown, asked, picture)
        except discord.HTTPException as error:
            # Too large, or not allowed here: the text always fits.
            if picture is None or error.status not in (400, 403, 413):
                raise
            log.warning("picture_refused", status=error.status, code=error.code)
            picture, shown = None, replace(shown, remark=_REFUSED)
            message = await self._send(interaction, shown, asked, picture)
        # Only now: a press that failed leaves the board where the member sees it.
        self._asked = replace(asked, page=shown.page)
        self._shown = shown
        # Discord has the picture: thousands of boards would keep theirs for minutes.
        self._picture = picture and replace(picture, png=b"")
        self._attached = message.attachments
        self._latest = interaction

    async def _send(
        self, interaction: Interaction, shown: BoardPage, asked: _Asked, picture: Picture | None
    ) -> discord.InteractionMessage:
        files: list[discord.File] = []
        if picture is not None:
            words = picture.alternative_text
            files = [discord.File(io.BytesIO(picture.png), picture.name, description=words)]
        view = self._layout(shown, asked, picture, live=True)
        return await interaction.edit_original_response(view=view, attachments=files)

    def _layout(
        self, shown: BoardPage, asked: _Asked, picture: Picture | None, *, live: bool
    ) -> ui.LayoutView:
        head = f"### {shown.title}\n-# {shown.when}"
        body: list[ui.Item[Any]] = [ui.TextDisplay(head), ui.Separator()]
        if picture is None:
            body.append(ui.TextDisplay("\n".join(shown.lines)))
        else:
            address = f"attachment://{picture.name}"
            item = discord.MediaGalleryItem(address, description=picture.alternative_text)
            body.append(ui.MediaGallery(item))
        if shown.note:
            body += [ui.Separator(), ui.TextDisplay(shown.note)]
        if shown.remark:
            body.append(ui.TextDisplay(f"-# {shown.remark}"))
        layout = ui.LayoutView(timeout=None)
        layout.add_item(ui.Container(*body))
        if shown.ranged:
            layout.add_item(ui.ActionRow(self._range_select(asked.range, live)))
        if len(self._views) > 1:
            layout.add_item(ui.ActionRow(self._view_select(asked.view, live)))
        if shown.pages > 1:
            layout.add_item(
                ui.ActionRow(*page_buttons(self._control, shown.page, shown.pages, live))
            )
        if shown.picture is not None:
            control, label = ("picture", "Picture") if picture is None else ("text", "Text")
            button = ui.Button[Any](
                label=label, custom_id=self._control(control), disabled=not live
            )
            layout.add_item(ui.ActionRow(button))
        # Finished: discord.py is to draw it, not to listen to it.
        layout.stop()
        return layout

    def _range_select(self, range: Range, live: bool) -> ui.Select[Any]:
        return ui.Select(
            custom_id=self._control("range"),
            placeholder="Range",
            options=[
                discord.SelectOption(label=each.label, value=each, default=each is range)
                for each in Range
            ],
            disabled=not live,
        )

    def _view_select(self, view: str, live: bool) -> ui.Select[Any]:
        return ui.Select(
            custom_id=self._control("view"),
            placeholder="View",
            options=[
                discord.SelectOption(label=each, value=each, default=each == view)
                for each in self._views
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

"""One message that is edited while links are worked off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self

import aiohttp
import discord
import structlog

from pwrbot.clock import Clock
from pwrbot.replies import Interaction
from pwrbot.services.feeds import LinkResult
from pwrbot.views.feed_wording import code, fit, link, third_party, warned
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 1.5
"""Between two edits: Discord takes five in five seconds for all a bot shows in a channel."""

EDIT_SECONDS: Final = 5.0
"""How long an edit under way may take once all is done."""

Where = Callable[[int | None], str]


class Progress:
    """Shows results as they come, while entered: the first at once, then at most one edit a pause.

    An edit that gets lost on the way costs nothing: the next one shows everything.
    """

    def __init__(
        self, interaction: Interaction, clock: Clock, draw: Callable[[], discord.ui.LayoutView]
    ) -> None:
        self._interaction = interaction
        self._clock = clock
        self._draw = draw
        self._changed = asyncio.Event()
        self._editing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """There is something new to show."""
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="feed-progress")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            # Broken off, it could still arrive, and after the edit that shows how all ended.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._editing.acquire(), EDIT_SECONDS)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._editing:
                await self._edit()
            await self._clock.sleep(PAUSE_SECONDS)

    async def _edit(self) -> None:
        try:
            await self._interaction.edit_original_response(view=self._draw())
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.debug("progress_not_shown", error=type(error).__name__)


class LinkLines:
    """Up to ten links, and what became of each so far."""

    def __init__(self, links: Sequence[str], to: str, where: Where, warning: str = "") -> None:
        """``warning``: why nothing comes at all, where that is so."""
        self._links = links
        self._note = warned(f"To {to}", warning)
        self._where = where
        self._results: list[LinkResult | None] = [None] * len(links)

    def take(self, index: int, result: LinkResult) -> None:
        self._results[index] = result

    def view(self) -> discord.ui.LayoutView:
        results = [result for result in self._results if result is not None]
        lines = [
            f"⏳ {code(link)}" if result is None else self._line(result)
            for link, result in zip(self._links, self._results, strict=True)
        ]
        if len(results) < len(lines):
            title = f"Looking at {count(len(lines), 'link')}, {len(results)} done"
        else:
            title = tally(result.outcome for result in results)
        return sheet(title, fit(lines), self._note)

    def _line(self, result: LinkResult) -> str:
        if result.feed is None:
            return f"❌ {code(result.link)}: {third_party(result.error or '', 300)}"
        name = link(result.feed.name, result.feed.source_url)
        match result.outcome:
            case "subscribed":
                return f"✅ Subscribed to {name}"
            case "moved":
                return f"↪️ Moved {name} to {self._where(result.channel_id)}"
            case "stays":
                where = self._where(result.channel_id)
                return f"🔒 {name} stays in {where}: ask somebody who manages the server to move it"
            case _:
                return f"☑️ Already subscribed to {name}, in {self._where(result.channel_id)}"


def tally(outcomes: object) -> str:
    """How many ended how: ``2 subscribed, 1 there already, 1 failed``."""
    counted = Counter(outcomes)  # type: ignore[arg-type]
    words = {
        "subscribed": "subscribed",
        "moved": "moved",
        "already": "there already",
        "stays": "not moved",
        "failed": "failed",
    }
    return ", ".join(f"{counted[key]:,} {word}" for key, word in words.items() if counted[key])

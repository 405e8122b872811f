"""/feed import and /feed export: lists of feeds as files that feed readers know."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord
from discord import ui

from pwrbot.cogs.feed_places import Place
from pwrbot.commands import Refusal
from pwrbot.feeds.opml import LARGEST, OpmlError, Outline, read_opml, write_opml
from pwrbot.replies import Interaction
from pwrbot.services.feeds import Follower, LinkResult
from pwrbot.views.feed_progress import Progress, tally
from pwrbot.views.feed_wording import code, fit, third_party, warned
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count

if TYPE_CHECKING:
    from pwrbot.bot import Bot

IMPORT_SECONDS: Final = 13 * 60
"""Discord takes edits of an answer for 15 minutes."""
AT_ONCE: Final = 8
_LISTED: Final = 10


class Imports:
    """Works files off, one at a time for each follower."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._under_way: set[Follower] = set()

    async def run(
        self, interaction: Interaction, file: discord.Attachment, place: Place, warning: str
    ) -> None:
        """Follow what a file lists, and say what became of each link. Raises Refusal.

        ``warning``: why nothing comes at all, where that is so.
        """
        outlines = await asyncio.to_thread(_outlines, await _content(file))
        if place.follower in self._under_way:
            raise Refusal("A file is being imported already: wait until that one is done.")
        self._under_way.add(place.follower)
        try:
            await self._run(interaction, outlines, place, warned(f"To {place.words}", warning))
        finally:
            self._under_way.discard(place.follower)

    async def _run(
        self, interaction: Interaction, outlines: list[Outline], place: Place, note: str
    ) -> None:
        results: list[LinkResult] = []

        def draw() -> ui.LayoutView:
            done = f"{len(results):,} of {count(len(outlines), 'feed')} looked at"
            lines = [done, tally(result.outcome for result in results)]
            return sheet("Importing", [line for line in lines if line], note)

        async with Progress(interaction, self._bot.clock, draw) as progress:
            progress.changed()

            def take(_: int, result: LinkResult) -> None:
                results.append(result)
                progress.changed()

            try:
                async with asyncio.timeout(IMPORT_SECONDS):
                    links = [outline.link for outline in outlines]
                    await self._bot.feeds.subscribe_all(
                        place.follower, links, place.channel_id, take, at_once=AT_ONCE
                    )
            except TimeoutError:
                pass  # what was not reached is told below
        view, files = _summary(results, len(outlines), note)
        await interaction.edit_original_response(view=view, attachments=files)


async def export(interaction: Interaction, bot: Bot, follower: Follower, title: str) -> None:
    """Answer with a file of all that somebody follows. Raises Refusal where that is nothing."""
    feeds = await bot.feeds.followed(follower)
    if not feeds:
        raise Refusal("Nothing is followed yet, so there is nothing to export.")
    outlines = [Outline(feed.name, feed.source_url) for feed in feeds]
    content = await asyncio.to_thread(write_opml, title, outlines, bot.clock.now())
    text = (
        f"### {count(len(feeds), 'feed')}\nThe file can be read by feed readers and /feed import."
    )
    await interaction.edit_original_response(
        view=_with_file([ui.TextDisplay(text)], "feeds.opml"),
        attachments=[discord.File(io.BytesIO(content), "feeds.opml")],
    )


async def _content(file: discord.Attachment) -> bytes:
    if file.size > LARGEST:
        raise Refusal(f"The file is larger than {LARGEST // 1024} KiB: split it.")
    try:
        return await file.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
        raise Refusal("The file can't be had from Discord: upload it once more.") from None


def _outlines(content: bytes) -> list[Outline]:
    try:
        outlines = read_opml(content)
    except OpmlError as error:
        raise Refusal(str(error)) from None
    if not outlines:
        raise Refusal("The file lists no feeds: export one from your feed reader.")
    return outlines


def _summary(
    results: Sequence[LinkResult], total: int, note: str
) -> tuple[ui.LayoutView, list[discord.File]]:
    failed = [result for result in results if result.outcome == "failed"]
    lines = [tally(result.outcome for result in results) or "none", ""]
    if (left := total - len(results)) > 0:
        lines.append(f"There was no time for {left:,} more: import the file once more.")
    lines += [
        f"❌ {code(result.link)}: {third_party(result.error or '', 200)}"
        for result in failed[:_LISTED]
    ]
    if len(failed) <= _LISTED:
        return sheet("Imported", fit(lines), note), []
    text = "\n".join(f"{result.link}\n    {result.error}" for result in failed)
    lines.append("All that failed is in the file.")
    body = [
        ui.TextDisplay("### Imported\n" + "\n".join(fit(lines))),
        ui.TextDisplay(f"-# {note}"),
    ]
    name = "failed.txt"
    return _with_file(body, name), [discord.File(io.BytesIO(text.encode()), name)]


def _with_file(body: list[ui.TextDisplay[Any]], name: str) -> ui.LayoutView:
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.Container(*body, ui.File(f"attachment://{name}")))
    return layout

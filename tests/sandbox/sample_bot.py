"""A small bot on discord.py, in this process, that the sandbox is driven with."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from pwrbot import discord_api
from pwrbot.sandbox import Sandbox


class Pager(discord.ui.LayoutView):
    """Two pages, a select and a form; only whoever asked may press."""

    def __init__(self, owner: int) -> None:
        super().__init__(timeout=60)
        self.owner = owner
        self.number = 1
        self.draw()

    def draw(self) -> None:
        self.clear_items()
        self.add_item(
            discord.ui.Container(
                discord.ui.TextDisplay(f"## Page {self.number} for <@{self.owner}>"),
                discord.ui.Separator(),
                _Row(self),
                discord.ui.ActionRow(_Choice(self)),
            )
        )

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        if interaction.user.id == self.owner:
            return True
        await interaction.response.send_message("Not yours.", ephemeral=True)
        return False


class _Row(discord.ui.ActionRow):
    def __init__(self, pager: Pager) -> None:
        super().__init__()
        self.pager = pager
        self.previous.disabled = pager.number == 1

    @discord.ui.button(emoji="◀", custom_id="previous")
    async def previous(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await self.turn(interaction, -1)

    @discord.ui.button(label="Next", custom_id="next")
    async def next(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await self.turn(interaction, 1)

    @discord.ui.button(label="Slow", custom_id="slow")
    async def slow(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.defer()
        self.pager.number = 9
        self.pager.draw()
        await interaction.edit_original_response(view=self.pager)

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_modal(Form())

    async def turn(self, interaction: discord.Interaction, by: int) -> None:
        self.pager.number += by
        self.pager.draw()
        await interaction.response.edit_message(view=self.pager)


class _Choice(discord.ui.Select):
    def __init__(self, pager: Pager) -> None:
        options = [
            discord.SelectOption(label=f"Go to {number}", value=str(number)) for number in (1, 2, 3)
        ]
        super().__init__(custom_id="page", placeholder="Page", options=options)
        self.pager = pager

    async def callback(self, interaction: discord.Interaction) -> None:
        self.pager.number = int(self.values[0])
        self.pager.draw()
        await interaction.response.edit_message(view=self.pager)


class Form(discord.ui.Modal, title="A form"):
    name = discord.ui.Label(text="Name", component=discord.ui.TextInput(custom_id="name"))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        field = self.name.component
        assert isinstance(field, discord.ui.TextInput)
        await interaction.response.send_message(f"Hello {field.value}", ephemeral=True)


class SampleBot(commands.AutoShardedBot):
    """Notes what it hears; identifies without discord.py's pause of 5 s a shard."""

    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, voice_states=True)
        super().__init__(
            command_prefix=(),
            intents=intents,
            help_command=None,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.2,
        )
        self.heard: list[tuple[str, Any]] = []
        self.tree.add_command(_group)
        self.tree.add_command(_admin)

    async def setup_hook(self) -> None:
        await discord_api.use_gateway(self.http)
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        return None

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        if event_name == "voice_state_update":
            member, before, after = args
            names = tuple(state.channel and state.channel.name for state in (before, after))
            self.heard.append((event_name, (member.name, *names)))
        else:
            self.heard.append((event_name, args))
        super().dispatch(event_name, *args, **kwargs)

    def voices(self) -> list[Any]:
        return [what for name, what in self.heard if name == "voice_state_update"]

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.heard)

    async def until(self, seen: Callable[[], bool], within: float = 10.0) -> None:
        """Wait for something in the bot; discord.py has no event for "handled"."""
        async with asyncio.timeout(within):
            while not seen():  # noqa: ASYNC110 - there is nothing to await
                await asyncio.sleep(0.01)


_group = app_commands.Group(name="voice", description="Voice")
_admin = app_commands.Group(
    name="settings",
    description="Settings",
    guild_only=True,
    default_permissions=discord.Permissions(manage_guild=True),
)


@_group.command(name="page")
async def page(interaction: discord.Interaction) -> None:
    """A view."""
    await interaction.response.send_message(view=Pager(interaction.user.id))


@_group.command(name="slow")
@app_commands.choices(kind=[app_commands.Choice(name="Secret", value="secret")])
async def slow(
    interaction: discord.Interaction,
    kind: app_commands.Choice[str] | None = None,
) -> None:
    """Thinks, then edits."""
    await interaction.response.defer(ephemeral=kind is not None)
    await interaction.followup.send(f"**done** in <#{interaction.channel_id}>")
    await interaction.followup.send("and more")


@_group.command(name="instead")
async def instead(interaction: discord.Interaction) -> None:
    """Thinks, takes that back, and says something else after a while."""
    await interaction.response.defer()
    await interaction.delete_original_response()
    await asyncio.sleep(0.1)
    await interaction.followup.send("for you alone", ephemeral=True)


@_group.command(name="who")
async def who(
    interaction: discord.Interaction,
    member: discord.User | None = None,
    number: app_commands.Range[int, 1, 10] = 1,
) -> None:
    """Says who was meant."""
    user = member or interaction.user
    kind = type(user).__name__
    await interaction.response.send_message(f"{kind} {user.mention} {number}", ephemeral=True)


@_group.command(name="file")
async def file(interaction: discord.Interaction) -> None:
    """Sends a file."""
    sent = discord.File(io.BytesIO(b"rows"), "export.csv")
    await interaction.response.send_message("here", file=sent)


@_group.command(name="late")
async def late(interaction: discord.Interaction) -> None:
    """Never answers."""


@_group.command(name="feed")
async def feed(interaction: discord.Interaction, url: str) -> None:
    """Has autocomplete."""
    await interaction.response.send_message(url)


@feed.autocomplete("url")
async def feed_urls(
    interaction: discord.Interaction, current: str
) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=current.upper(), value=current)]


@_admin.command(name="show")
async def show(interaction: discord.Interaction) -> None:
    """Managers only."""
    await interaction.response.send_message(str(interaction.permissions.manage_guild))


@asynccontextmanager
async def running(sandbox: Sandbox, token: str | None = None) -> AsyncIterator[SampleBot]:
    """The bot, connected and ready; closed in the end."""
    discord_api.use_api(sandbox.api_url)
    async with SampleBot() as bot:
        task = asyncio.create_task(bot.start(token or sandbox.token))
        try:
            ready = asyncio.create_task(bot.until(lambda: bot.count("ready") > 0))
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                ready.cancel()
                await task
            await ready
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)

"""/settings: what a server chooses. For members who manage it; every answer is private."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import discord
import msgspec
from discord import app_commands
from discord.ext import commands

from pwrbot.checks import guild_of, require_manager
from pwrbot.cogs.feed_settings import setting_lines
from pwrbot.commands import Refusal
from pwrbot.entities import Settings, VoiceSettings
from pwrbot.replies import Interaction, defer
from pwrbot.services.ranges import timezones_like
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count

if TYPE_CHECKING:
    from pwrbot.bot import Bot

VoiceLike = discord.VoiceChannel | discord.StageChannel


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ServerSettings(commands.GroupCog, group_name="settings"):
    """What this server chose."""

    voice = app_commands.Group(name="voice", description="Whose time in voice channels counts.")

    def __init__(self, bot: Bot) -> None:
        super().__init__()
        self._bot = bot
        self._settings = bot.settings

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        guild_of(interaction)
        require_manager(interaction)
        return True

    @app_commands.command()
    async def show(self, interaction: Interaction) -> None:
        """Show this server's settings."""
        await defer(interaction, private=True)
        settings = await self._settings.get(guild_of(interaction))
        await self._answer(interaction, "Settings of this server", settings)

    @app_commands.command()
    @app_commands.describe(name="A city or an IANA name, such as Europe/Berlin")
    async def timezone(self, interaction: Interaction, name: str) -> None:
        """Choose where days, months and years begin on this server's boards."""
        await self._change(
            interaction, lambda settings: msgspec.structs.replace(settings, timezone=name)
        )

    @timezone.autocomplete("name")
    async def _timezones(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in timezones_like(typed)]

    @voice.command()
    @app_commands.describe(
        enabled="Whether time in voice is tracked at all",
        afk_channel="Whether time in the AFK channel counts",
        self_deafened="Whether time while deafened by oneself counts",
        muted="Whether time while muted, by oneself or by a moderator, counts",
        alone="Whether time with nobody else in the channel counts",
    )
    async def rules(
        self,
        interaction: Interaction,
        enabled: bool | None = None,
        afk_channel: bool | None = None,
        self_deafened: bool | None = None,
        muted: bool | None = None,
        alone: bool | None = None,
    ) -> None:
        """Choose what counts; what you leave out stays as it is."""
        options = {
            "enabled": enabled,
            "afk_channel": afk_channel,
            "self_deafened": self_deafened,
            "muted": muted,
            "alone": alone,
        }
        chosen = {name: value for name, value in options.items() if value is not None}
        await self._change_voice(
            interaction, lambda voice: msgspec.structs.replace(voice, **chosen)
        )

    @voice.command(name="ignore-channel")
    @app_commands.describe(channel="Time in this channel won't count")
    async def ignore_channel(self, interaction: Interaction, channel: VoiceLike) -> None:
        """Stop counting time in a channel."""
        alive = _channels(interaction.guild)
        await self._change_voice(
            interaction,
            lambda voice: msgspec.structs.replace(
                voice, ignored_channels=_with(voice.ignored_channels, channel.id, alive)
            ),
        )

    @voice.command(name="count-channel")
    @app_commands.describe(channel="Time in this channel will count again")
    async def count_channel(self, interaction: Interaction, channel: VoiceLike) -> None:
        """Count time in a channel again."""
        await self._change_voice(
            interaction,
            lambda voice: msgspec.structs.replace(
                voice, ignored_channels=_without(voice.ignored_channels, channel.id)
            ),
        )

    @voice.command(name="ignore-role")
    @app_commands.describe(role="Time of members with this role won't count")
    async def ignore_role(self, interaction: Interaction, role: discord.Role) -> None:
        """Stop counting members who have a role."""
        if role.id == interaction.guild_id:
            raise Refusal("Everyone has that role: turn tracking off with /settings voice rules.")
        alive = _roles(interaction.guild)
        await self._change_voice(
            interaction,
            lambda voice: msgspec.structs.replace(
                voice, ignored_roles=_with(voice.ignored_roles, role.id, alive)
            ),
        )

    @voice.command(name="count-role")
    @app_commands.describe(role="Time of members with this role will count again")
    async def count_role(self, interaction: Interaction, role: discord.Role) -> None:
        """Count members who have a role again."""
        await self._change_voice(
            interaction,
            lambda voice: msgspec.structs.replace(
                voice, ignored_roles=_without(voice.ignored_roles, role.id)
            ),
        )

    @voice.command(name="members-who-left")
    @app_commands.describe(hidden="Whether leaderboards leave out who left the server")
    async def members_who_left(self, interaction: Interaction, hidden: bool) -> None:
        """Hide members who left from leaderboards, or show them."""
        await self._change_voice(
            interaction, lambda voice: msgspec.structs.replace(voice, hide_left=hidden)
        )

    async def _change_voice(
        self, interaction: Interaction, change: Callable[[VoiceSettings], VoiceSettings]
    ) -> None:
        await self._change(
            interaction,
            lambda settings: msgspec.structs.replace(settings, voice=change(settings.voice)),
        )

    async def _change(
        self, interaction: Interaction, change: Callable[[Settings], Settings]
    ) -> None:
        await defer(interaction, private=True)
        guild_id = guild_of(interaction)
        before = await self._settings.get(guild_id)
        settings = await self._settings.update(guild_id, change)
        title = "These settings were in force already" if settings == before else "In force now"
        await self._answer(interaction, title, settings)

    async def _answer(self, interaction: Interaction, title: str, settings: Settings) -> None:
        zone = await self._settings.zone(guild_of(interaction))
        await interaction.edit_original_response(view=sheet(title, _lines(settings, zone.key)))


def _lines(settings: Settings, zone: str) -> list[str]:
    voice = settings.voice
    default = "" if settings.timezone else " (this bot's default)"
    return [
        f"**Time zone**: {zone}{default}",
        f"**Voice tracking**: {'on' if voice.enabled else 'off'}",
        f"**Time in the AFK channel**: {_counts(voice.afk_channel)}",
        f"**Time while self-deafened**: {_counts(voice.self_deafened)}",
        f"**Time while muted**: {_counts(voice.muted)}",
        f"**Time alone in a channel**: {_counts(voice.alone)}",
        f"**Ignored channels**: {_list(voice.ignored_channels, '<#{}>')}",
        f"**Ignored roles**: {_list(voice.ignored_roles, '<@&{}>')}",
        f"**Members who left**: {'hidden' if voice.hide_left else 'shown'}",
        *setting_lines(settings.feeds),
    ]


def _counts(counts: bool) -> str:
    return "counts" if counts else "doesn't count"


_LISTED = 40
"""A mention takes up to 24 characters, and a message 4,000 in all."""


def _list(ids: tuple[int, ...], mention: str) -> str:
    listed = ", ".join(mention.format(each) for each in ids[:_LISTED])
    more = len(ids) - _LISTED
    return f"{listed} and {count(more, 'more', 'more')}" if more > 0 else listed or "none"


def _with(ids: tuple[int, ...], added: int, alive: frozenset[int] | None) -> tuple[int, ...]:
    """The list with one more, and without what has been deleted meanwhile."""
    kept = (each for each in ids if alive is None or each in alive)
    return tuple(dict.fromkeys((*kept, added)))


def _without(ids: tuple[int, ...], removed: int) -> tuple[int, ...]:
    return tuple(each for each in ids if each != removed)


def _channels(guild: discord.Guild | None) -> frozenset[int] | None:
    """The ids of a guild's channels; None where the cache can't say."""
    known = guild is not None and not guild.unavailable
    return frozenset(channel.id for channel in guild.channels) if known and guild else None


def _roles(guild: discord.Guild | None) -> frozenset[int] | None:
    known = guild is not None and not guild.unavailable
    return frozenset(role.id for role in guild.roles) if known and guild else None

"""What is asked again at run time, though Discord was told: it may be out of date, or overruled;
and what Discord does not ask at all."""

from __future__ import annotations

import discord
from discord import app_commands

from pwrbot.replies import Interaction


def guild_of(interaction: Interaction) -> int:
    """The guild a command was used in. Raises NoPrivateMessage for a direct message."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    return interaction.guild_id


def typed_id(text: str, mark: str) -> int:
    """The id in a mention such as <#5>, whose ``mark`` is #, or by itself; 0 for anything else."""
    digits = text.strip().removeprefix(f"<{mark}").removesuffix(">")
    found = int(digits) if digits.isdecimal() and len(digits) < 20 else 0
    return found if found < 1 << 63 else 0


def guild_permissions(interaction: Interaction) -> discord.Permissions:
    """What the member may in the whole server, nothing where it can't be reached.

    ``interaction.permissions`` are those in the channel, where "Manage Roles" is to manage the
    channel's permissions.
    """
    user = interaction.user
    return user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions()


def manages(interaction: Interaction) -> bool:
    """Whether the member may manage the server, which no channel allows or denies; for what is
    offered while somebody types this is the only check."""
    permissions = interaction.permissions
    return permissions.manage_guild or permissions.administrator


def require_manager(interaction: Interaction) -> None:
    """Raises MissingPermissions unless the member may manage the server."""
    if not manages(interaction):
        raise app_commands.MissingPermissions(["manage_server"])

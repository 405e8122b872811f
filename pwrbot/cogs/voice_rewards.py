"""/voice rewards: roles for time in voice, for members who manage the server."""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from pwrbot.checks import guild_of, guild_permissions, manages, require_manager, typed_id
from pwrbot.cogs.range_option import RangeChoice
from pwrbot.commands import Refusal
from pwrbot.entities import VoiceReward
from pwrbot.replies import Interaction, defer
from pwrbot.services.ranges import DEFAULT_RANGE, Range
from pwrbot.services.voice_rewards import MOST_TOP
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count, duration, mention

if TYPE_CHECKING:
    from pwrbot.bot import Bot

_LISTED = 20
_MOST_HOURS = 10_000


class VoiceRewardCommands(app_commands.Group):
    """Roles for time in voice."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(name="rewards", description="Roles for time in voice.")
        self._bot = bot
        self._rewards = bot.voice_rewards

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        guild_of(interaction)
        require_manager(interaction)
        return True

    @app_commands.command()
    @app_commands.describe(
        role="Who has earned it gets this role",
        range="What to look back on",
        hours="How many hours it takes",
        top="Or: how many of the first get it",
    )
    async def add(
        self,
        interaction: Interaction,
        role: discord.Role,
        range: RangeChoice = DEFAULT_RANGE,
        hours: app_commands.Range[int, 1, _MOST_HOURS] | None = None,
        top: app_commands.Range[int, 1, MOST_TOP] | None = None,
    ) -> None:
        """Make a rule for a role; it isn't in force before you enable it."""
        await defer(interaction, private=True)
        self._may_hand_out(interaction, role)
        rule = await self._rewards.add(
            guild_of(interaction),
            role.id,
            range,
            least=None if hours is None else timedelta(hours=hours),
            top=top,
        )
        note = "Not in force yet: see /voice rewards preview, then /voice rewards enable."
        await self._answer(interaction, "New rule", [_line(rule)], note)

    @app_commands.command(name="list")
    async def rules(self, interaction: Interaction) -> None:
        """The rules of this server, and what stops them where something does."""
        await defer(interaction, private=True)
        rules = await self._rewards.of_guild(guild_of(interaction))
        lines = [_line(rule) for rule in rules]
        await self._answer(interaction, "Roles for time in voice", lines or ["There is none."])

    @app_commands.command()
    @app_commands.describe(role="The role of a rule")
    async def preview(self, interaction: Interaction, role: discord.Role) -> None:
        """Who would get a role, and who would lose it, if its rule looked now."""
        await defer(interaction, private=True)
        found = await self._rewards.preview(guild_of(interaction), role.id)
        lines = [
            f"**Would get it**: {_members(found.getting)}",
            f"**Would lose it**: {_members(found.losing)}",
            f"**Keep it**: {count(found.keeping, 'member')}",
        ]
        obstacle = self._bot.guild_door.obstacle(guild_of(interaction), role.id)
        if obstacle is not None:
            lines.append(f"**But**: {obstacle}")
        note = "Who has the role already keeps it; only what I gave is taken back."
        await self._answer(interaction, "Preview", lines, note)

    @app_commands.command()
    @app_commands.describe(role="The role of a rule")
    async def enable(self, interaction: Interaction, role: discord.Role) -> None:
        """Put a rule in force: the role is given and taken back from now on."""
        await defer(interaction, private=True)
        self._may_hand_out(interaction, role)
        await self._rewards.enable(guild_of(interaction), role.id, True)
        await self._show(interaction, "In force now", role.id)

    @app_commands.command()
    @app_commands.describe(role="The role of a rule")
    async def disable(self, interaction: Interaction, role: discord.Role) -> None:
        """Put a rule out of force: nobody gets or loses the role."""
        await defer(interaction, private=True)
        await self._rewards.enable(guild_of(interaction), role.id, False)
        await self._show(interaction, "Out of force now", role.id)

    @app_commands.command()
    @app_commands.describe(
        role="The role of a rule, by its name or id",
        take_back="Whether I first take it back from whom I gave it",
    )
    async def remove(self, interaction: Interaction, role: str, take_back: bool = False) -> None:
        """Remove a rule."""
        await defer(interaction, private=True)
        guild, role_id = interaction.guild, typed_id(role, "@&")
        if guild is not None and not role_id:
            named = discord.utils.get(guild.roles, name=role.strip().removeprefix("@"))
            role_id = named.id if named is not None else 0
        if take_back:
            self._may_hand_out(interaction, guild and guild.get_role(role_id))
        await self._rewards.remove(guild_of(interaction), role_id, take_back=take_back)
        done = "I take the role back now." if take_back else "Who has the role keeps it."
        await self._answer(interaction, "Rule removed", [done])

    @remove.autocomplete("role")
    async def _rules(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Also those whose role was deleted, which Discord's own choice does not offer."""
        if not manages(interaction):
            return []
        guild = interaction.guild
        choices: list[app_commands.Choice[str]] = []
        for rule in await self._rewards.of_guild(guild_of(interaction)):
            role = guild.get_role(rule.role_id) if guild is not None else None
            name = role.name if role is not None else f"deleted role {rule.role_id}"
            if typed.casefold() in name.casefold():
                choices.append(app_commands.Choice(name=name[:100], value=str(rule.role_id)))
        return choices[:25]

    def _may_hand_out(self, interaction: Interaction, role: discord.Role | None) -> None:
        """A member must not give or take by a rule what they could not by hand; None is a role
        that was deleted."""
        if not guild_permissions(interaction).manage_roles:
            raise app_commands.MissingPermissions(["manage_roles"])
        if role is None:
            return
        user, guild = interaction.user, interaction.guild
        owner = guild is not None and guild.owner_id == user.id
        if not owner and isinstance(user, discord.Member) and role >= user.top_role:
            raise Refusal("That role isn't below your own: you can't hand it out.")
        obstacle = self._bot.guild_door.obstacle(guild_of(interaction), role.id)
        if obstacle is not None:
            raise Refusal(obstacle)

    async def _show(self, interaction: Interaction, title: str, role_id: int) -> None:
        rule = await self._rewards.rule(guild_of(interaction), role_id)
        await self._answer(interaction, title, [_line(rule)])

    async def _answer(
        self, interaction: Interaction, title: str, lines: Sequence[str], note: str | None = None
    ) -> None:
        await interaction.edit_original_response(view=sheet(title, lines, note))


def _line(rule: VoiceReward) -> str:
    first = "the first" if rule.top == 1 else f"the first {rule.top}"
    what = first if rule.least is None else f"at least {duration(rule.least)}"
    state = "being taken back" if rule.ending else "in force" if rule.enabled else "not in force"
    problem = f"\n-# It doesn't work: {rule.problem}" if rule.problem else ""
    return f"<@&{rule.role_id}>: {what}, {Range(rule.look_back).label.lower()} · {state}{problem}"


def _members(user_ids: Sequence[int]) -> str:
    listed = ", ".join(mention(user_id) for user_id in user_ids[:_LISTED])
    more = len(user_ids) - _LISTED
    return f"{listed} and {count(more, 'more', 'more')}" if more > 0 else listed or "nobody"

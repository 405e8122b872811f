"""The option that chooses a range, of every command that has one."""

from __future__ import annotations

from discord import app_commands

from pwrbot.commands import Refusal
from pwrbot.replies import Interaction
from pwrbot.services.ranges import Range


class RangeOption(app_commands.Transformer):
    """A range, chosen from all there are."""

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        return [app_commands.Choice(name=each.label, value=each.value) for each in Range]

    async def transform(self, interaction: Interaction, value: str, /) -> Range:
        try:
            return Range(value)
        except ValueError:
            raise Refusal("There is no such range: choose one from the list.") from None


RangeChoice = app_commands.Transform[Range, RangeOption]

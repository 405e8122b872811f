"""Answers to interactions: in time, and private where they are about a mistake."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord
import structlog

log = structlog.get_logger(__name__)

_UNKNOWN_INTERACTION = 10062
_ALREADY_ACKNOWLEDGED = 40060

_THINKING = discord.InteractionResponseType.deferred_channel_message
_PRIVATE = "private"

Interaction = discord.Interaction[Any]


async def defer(interaction: Interaction, *, private: bool = False) -> None:
    """Tell Discord that the answer follows, which must be said within 3 seconds.

    A command shows "thinking" (to the member alone where ``private``), a button stays as it is.
    """
    interaction.extras[_PRIVATE] = private
    try:
        await _defer(interaction, private)
    except (aiohttp.ClientConnectionError, OSError):
        # The line broke: Discord may have heard it or not, so say it once more.
        await _defer(interaction, private)


async def _defer(interaction: Interaction, private: bool) -> None:
    try:
        await interaction.response.defer(ephemeral=private)
    except discord.HTTPException as error:
        # Discord has it: its "yes" was lost on the way.
        if error.code != _ALREADY_ACKNOWLEDGED:
            raise


async def tell(interaction: Interaction, text: str) -> bool:
    """Say one sentence to the member alone, whatever was answered before.

    Says whether it got through; never raises for an interaction that is over or a lost line.
    """
    try:
        await _tell(interaction, text)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("reply_lost", error=type(error).__name__, code=getattr(error, "code", None))
        return False
    return True


async def _tell(interaction: Interaction, text: str) -> None:
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(text, ephemeral=True)
            return
        except discord.HTTPException as error:
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
    elif interaction.response.type is _THINKING and not interaction.extras.get(_PRIVATE):
        # The first follow-up would take the place of "thinking", and be as public as that.
        await interaction.delete_original_response()
    await interaction.followup.send(text, ephemeral=True)


def is_expired(error: BaseException) -> bool:
    """Whether Discord no longer takes an answer: its 3 seconds, or 15 minutes, are over."""
    return isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION

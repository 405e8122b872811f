"""The tree of slash commands: how they are counted, how they fail and when they are registered."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING, Any, cast

import discord
import msgspec
import structlog
from discord import app_commands

from pwrbot.config import CommandSync
from pwrbot.entities import BotMeta
from pwrbot.errors import PwrbotError
from pwrbot.feeds.errors import FeedError
from pwrbot.logging import places
from pwrbot.replies import Interaction, is_expired, tell
from pwrbot.repository.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable
from pwrbot.services.feed_links import NoLinks, TooManyLinks
from pwrbot.services.feeds import NotFollowed
from pwrbot.services.ranges import UnknownTimezone
from pwrbot.services.settings import SettingsConflict, SettingsUnreadable, TooManyIgnored
from pwrbot.services.voice_boards import TooManyBoards
from pwrbot.services.voice_reset import ResetRefused
from pwrbot.services.voice_rewards import RewardRefused
from pwrbot.views.wording import plain

if TYPE_CHECKING:
    from pwrbot.bot import Bot
    from pwrbot.repository import Tables

log = structlog.get_logger(__name__)

HASH_KEY = "commands_hash"
"""Where bot_meta keeps what was last registered."""


class Refusal(PwrbotError):
    """That isn't possible here."""

    # The message is for the member: commands raise it to end with one private sentence.


class CommandTree(app_commands.CommandTree[Any]):
    """The bot's commands. Each failure reaches the member as one private sentence."""

    client: Bot

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        if not self.client.stopping:
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            await tell(interaction, "I'm restarting: try again in a minute.")
        return False

    async def _call(self, interaction: Interaction) -> None:
        # discord.py's close() does not wait for commands, and no public hook sees each one end.
        with self.client.in_flight:
            try:
                await super()._call(interaction)
            except app_commands.AppCommandError:
                raise
            except asyncio.CancelledError:  # it took longer than a restart can wait
                await tell(interaction, "Interrupted by a restart: use the command again.")
                raise
            except Exception as error:
                await report_failure(interaction, error)

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        await report_failure(interaction, error)


async def report_failure(interaction: Interaction, error: Exception, *, name: str = "") -> None:
    """Tell the member in one private sentence, and the log where it is worth a line.

    What a member can mend is said as it is. Anything else gets an id that stands in the sentence
    and in exactly one line of the log. ``name``: what failed, where it was no command.
    """
    command = name or _name_of(interaction)
    if isinstance(error, app_commands.CommandInvokeError | app_commands.TransformerError):
        error = _cause(error)
    if is_expired(error):
        log.warning("interaction_expired", command=command)
        return
    text = _sentence(error)
    if text is None:
        error_id = secrets.token_hex(4)
        log.error(
            "command_failed",
            command=command,
            error_id=error_id,
            error=type(error).__name__,
            code=getattr(error, "code", None),
            where=places(error),
            database=str(error) if isinstance(error, DatabaseError) else None,
            constraint=getattr(error, "constraint", None),
        )
        text = "Something went wrong on my side."
        if isinstance(error, DatabaseBusy | DatabaseUnavailable):
            text = "My database doesn't answer at the moment: try again in a minute."
        text += f" If it happens again, give whoever runs this bot the id `{error_id}`."
    if interaction.type is not discord.InteractionType.autocomplete:
        await tell(interaction, text)


def _sentence(error: Exception) -> str | None:
    """What a member is told of an error they can do something about; None for the others."""
    match error:
        case Refusal() | TooManyIgnored() | NoLinks() | TooManyLinks() | NotFollowed():
            return str(error)
        case TooManyBoards() | ResetRefused() | RewardRefused():
            return str(error)
        case FeedError():  # it quotes nothing from outside
            return str(error)
        case UnknownTimezone():
            return plain(str(error))  # it repeats what the member typed
        case SettingsConflict() | SettingsUnreadable():
            log.warning("settings_not_saved", error=type(error).__name__)
            return str(error)
        case app_commands.NoPrivateMessage():
            return "This command works in a server, not in a direct message."
        case app_commands.MissingPermissions():
            needed = ", ".join(name.replace("_", " ").title() for name in error.missing_permissions)
            return f"You need the permission {needed} for this command."
        case app_commands.TransformerError():
            return "One of the options can't be read: choose it from the list Discord offers."
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            log.warning("command_unknown", error=type(error).__name__)
            return "This command has changed: reload Discord and try again in a minute."
        case app_commands.CheckFailure():
            return "You can't use this command here."
        case _:
            return None


def _cause(error: app_commands.AppCommandError) -> Exception:
    if isinstance(error, app_commands.CommandInvokeError):
        return error.original
    cause = error.__cause__
    return cause if isinstance(cause, PwrbotError) else error


def _name_of(interaction: Interaction) -> str:
    command = interaction.command
    return command.qualified_name if command is not None else "?"


async def sync_commands(
    tree: app_commands.CommandTree[Any], tables: Tables, application_id: int, policy: CommandSync
) -> bool:
    """Register the commands with Discord if their definitions changed. Says whether it did.

    ``policy``: "changed" compares with what bot_meta remembers, "always" does not ask, "off" leaves
    Discord as it is. A refusal by Discord is logged and tried again at the next start.
    """
    if policy == "off":
        return False
    definitions = commands_hash(tree, application_id)
    known = await tables.bot_meta.select(HASH_KEY)
    if policy == "changed" and known is not None and known.value == definitions:
        log.info("commands_unchanged")
        return False
    try:
        commands = await tree.sync()
    except (app_commands.CommandSyncFailure, discord.HTTPException) as error:
        log.error(
            "commands_sync_failed",
            error=type(error).__name__,
            status=error.status,
            code=error.code,
        )
        return False
    await tables.bot_meta.replace(BotMeta(key=HASH_KEY, value=definitions))
    log.info("commands_synced", commands=len(commands))
    return True


def commands_hash(tree: app_commands.CommandTree[Any], application_id: int) -> str:
    """SHA-256 of all definitions as Discord would get them, and of whose they are."""
    definitions = [cast(dict[str, Any], command.to_dict(tree)) for command in tree.get_commands()]
    definitions.sort(key=lambda definition: (definition["type"], definition["name"]))
    payload = msgspec.json.encode([str(application_id), definitions], order="deterministic")
    return hashlib.sha256(payload).hexdigest()

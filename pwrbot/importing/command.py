"""The command line's way to an import: open both sides, show progress, keep the report."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from pwrbot.clock import SystemClock
from pwrbot.config import Config
from pwrbot.errors import ConfigError
from pwrbot.importing.progress import Progress
from pwrbot.importing.pwr_bot import import_pwr_bot
from pwrbot.importing.source import open_source
from pwrbot.importing.target import open_target

_SLOW_MS = 60_000


def import_command(config: Config, source: str, *, dry: bool, report: Path | None) -> str:
    """Import a database of pwr-bot into the configured one, and return the report.

    Raises SourceRefused and SourceUnavailable for the source; ConfigError, MigrationError,
    DatabaseError or AlreadyRunning for our own database.
    """
    # A batch of thousands of rows is no slow query.
    config = msgspec.structs.replace(config, slow_query_ms=_SLOW_MS)
    text = asyncio.run(_imported(config, source, dry))
    if report is not None:
        try:
            report.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            print(text)
            raise ConfigError(
                f"{'All was counted' if dry else 'All was imported'}, but the report cannot be"
                f" written to {report}: {error.strerror}."
            ) from None
    return text


async def _imported(config: Config, place: str, dry: bool) -> str:
    progress = Progress(sys.stderr)
    async with open_source(place) as source, open_target(config, dry=dry) as target:
        try:
            return str(await import_pwr_bot(source, target, SystemClock(), progress, dry=dry))
        except BaseException:
            progress.say(
                "Not finished. Nothing was written."
                if dry
                else "Not finished. What was imported stays; the same command again completes it."
            )
            raise

"""``pwrbot import pwr-bot``: a database of pwr-bot, of any version, into ours.

Settings first, then feeds with all that hangs on them, then the sessions, member by member. Each of
the first two is one transaction, and so is every batch of whole members: what was interrupted is
completed by the same import again, which adds nothing twice.
"""

from __future__ import annotations

from datetime import datetime

from pwrbot.clock import Clock
from pwrbot.importing.feeds import import_feeds
from pwrbot.importing.mending import Facts
from pwrbot.importing.progress import Progress
from pwrbot.importing.report import Report
from pwrbot.importing.sessions import import_sessions
from pwrbot.importing.settings import import_settings
from pwrbot.importing.source import Source
from pwrbot.importing.target import Target


async def import_pwr_bot(
    source: Source, target: Target, clock: Clock, progress: Progress, *, dry: bool
) -> Report:
    """Bring along all that there is a place for, and give an account of it.

    Raises SourceUnavailable, DatabaseError; what was done before that is kept.
    """
    now = clock.now()
    report = Report(source.place, await source.description(), dry=dry)
    if not target.exists:
        report.notes.append(
            "There is no database of this version's schema yet: all is counted as new."
        )
    progress.start("settings")
    async with target.stage() as stage:
        channels = await import_settings(source, stage, report, now)
    progress.start("feeds")
    async with target.stage() as stage:
        await import_feeds(source, stage, report, channels, now)
    progress.start("voice sessions")
    await import_sessions(source, target, report, progress, await _facts(source, now))
    progress.end()
    _add_notes(report)
    return report


async def _facts(source: Source, now: datetime) -> Facts:
    heartbeat = await source.heartbeat()
    return Facts(now, heartbeat if heartbeat is not None and heartbeat <= now else None)


def _add_notes(report: Report) -> None:
    if report.session_rows:
        report.notes.append(
            "pwr-bot did not keep who is a bot: if one sat in voice, its time came along."
        )

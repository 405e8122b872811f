"""The heartbeat: up to when the sessions in the database are true, for a start after a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import structlog

from pwrbot.entities import BotMeta
from pwrbot.repository import Repository

log = structlog.get_logger(__name__)

HEARTBEAT: Final = "voice_heartbeat"
"""Its key in bot_meta; the value is ISO 8601 in UTC."""


class Heartbeat:
    """The stored heartbeat: one row, written in one statement."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def beat(self, moment: datetime) -> bool:
        """Store the moment. False, and a line in the log, where that failed."""
        try:
            await self._repository.bot_meta.replace(
                BotMeta(HEARTBEAT, moment.astimezone(UTC).isoformat())
            )
        except Exception as error:  # the next beat may do better, whatever it was
            log.warning("voice_heartbeat_failed", error=f"{type(error).__name__}: {error}")
            return False
        return True

    async def recover(self, now: datetime) -> int:
        """End every open session at the heartbeat; says how many there were."""
        async with self._repository.transaction() as tx:
            heartbeat = _moment(await tx.bot_meta.select(HEARTBEAT))
            kept = 0
            if heartbeat is not None:
                # A heartbeat of a clock that ran ahead: what lies in the future was not lived.
                kept = await tx.voice_sessions.end_all(left_at=min(heartbeat, now))
            ended = await tx.open_voice_sessions.remove_all()
        if ended:
            log.info(
                "voice_sessions_recovered",
                ended=ended,
                kept=kept,
                heartbeat=None if heartbeat is None else heartbeat.isoformat(),
            )
        return ended


def _moment(row: BotMeta | None) -> datetime | None:
    if row is None:
        return None
    try:
        moment = datetime.fromisoformat(row.value)
    except ValueError:
        log.error("voice_heartbeat_unreadable")
        return None
    if moment.tzinfo is None:
        log.error("voice_heartbeat_unreadable")
        return None
    return moment

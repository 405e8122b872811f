"""Reaching a server that may still be on its way up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog

from pwrbot.repository.engine.postgres_errors import FAILURES, is_passing, translated

T = TypeVar("T")

log = structlog.get_logger(__name__)

CONNECT_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the attempts to reach the server at start-up."""


async def reached(connect: Callable[[], Awaitable[T]], pauses: Sequence[float]) -> T:
    """Connect, trying again after each pause where that may help. Raises DatabaseError."""
    for pause in (*pauses, None):
        try:
            return await connect()
        except FAILURES as error:
            ours = translated(error)
            if pause is None or not is_passing(error):
                raise ours from error
            log.warning("database_unreachable", error=type(error).__name__, retry_in=pause)
            await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")

"""A deadline for calls that are many and short: one timer for all of them.

A timer set and cancelled for every call costs more than all the rest that an engine adds to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Calls ``late`` once for what takes longer than so many seconds."""

    __slots__ = ("_late", "_running", "_seconds", "_timer", "_until")

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._seconds = seconds
        self._late = late
        self._until = 0.0
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Something begins; where it overlaps with another, both have until the later deadline."""
        loop = asyncio.get_running_loop()
        self._running += 1
        self._until = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._look, loop)

    def stop(self) -> None:
        """It ended. The timer stays, for what comes next."""
        self._running -= 1

    def close(self) -> None:
        """Nothing will begin any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._running:
            return
        if self._timer_is_early(loop):
            self._timer = loop.call_at(self._until, self._look, loop)
        else:
            self._late()

    def _timer_is_early(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether it was set for a call before this one; loops fire up to a tick too early."""
        return self._until - loop.time() > 0.001

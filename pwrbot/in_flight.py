"""Counts the work under way, so that a shutdown can wait for it."""

from __future__ import annotations

import asyncio
from types import TracebackType


class InFlight:
    """``with in_flight:`` around each piece of work; ``drained()`` waits until none is left."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        return self._count > 0

    def __enter__(self) -> None:
        self._count += 1
        self._idle.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def drained(self, seconds: float) -> bool:
        """Wait until all work is done, at most that long. Says whether it is."""
        if not self._count:
            return True
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

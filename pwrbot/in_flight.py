"""The work under way, so that a shutdown can wait for it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class InFlight:
    """``with in_flight:`` around each piece of work; ``drained()`` waits until none is left."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any] | None] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._tasks)

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def __enter__(self) -> None:
        self._tasks.append(asyncio.current_task())
        self._idle.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tasks.remove(asyncio.current_task())
        if not self._tasks:
            self._idle.set()

    async def drained(self, seconds: float) -> bool:
        """Wait until all work is done, at most that long. Says whether it is."""
        if not self._tasks:
            return True
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def cancel(self, seconds: float) -> None:
        """Break off what is left, and let it say so, at most that long."""
        tasks = {task for task in self._tasks if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

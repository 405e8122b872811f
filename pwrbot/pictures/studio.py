"""Where pictures are drawn: in threads of their own, a few at a time, each within its time.

Measured on two cores with a card of 200 rows: the event loop is held for some milliseconds at a
time, since HarfBuzz and Pillow run for microseconds in each call and Python hands the interpreter
over between them. Processes would hold it no less, and each have the fonts and Python once more.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from pwrbot.pictures import heat, leaderboard, lines
from pwrbot.pictures.fonts import DIRECTORY, Fonts, FontsMissing
from pwrbot.pictures.heat import Week, Year
from pwrbot.pictures.leaderboard import Leaderboard
from pwrbot.pictures.lines import Chart
from pwrbot.pictures.picture import Cancelled, Picture, PictureUnavailable

log = structlog.get_logger(__name__)

Subject = TypeVar("Subject")
Draw = Callable[[Subject, Fonts, Callable[[], None]], Picture]

AT_ONCE = 2
MOST_WAITING = 32
SECONDS = 5.0


class Studio:
    """Draws pictures off the event loop."""

    def __init__(
        self,
        directory: Path = DIRECTORY,
        *,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
        seconds: float = SECONDS,
    ) -> None:
        self._fonts = Fonts(directory)
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._seconds = seconds
        self._free = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._executor: ThreadPoolExecutor | None = None
        self._failures: set[str] = set()

    async def leaderboard(self, card: Leaderboard) -> Picture:
        """Raises PictureUnavailable, as do the others."""
        return await self._draw(leaderboard.draw, card)

    async def year(self, year: Year) -> Picture:
        return await self._draw(heat.draw_year, year)

    async def week(self, week: Week) -> Picture:
        return await self._draw(heat.draw_week, week)

    async def chart(self, chart: Chart) -> Picture:
        return await self._draw(lines.draw, chart)

    def close(self) -> None:
        """Draw no more."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    async def _draw(self, draw: Draw[Subject], subject: Subject) -> Picture:
        if self._waiting >= self._most_waiting:
            raise PictureUnavailable("Too many pictures are wanted at once: show this one as text.")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
                return await self._in_thread(draw, subject)
        except TimeoutError:
            raise PictureUnavailable("Drawing took too long: show it as text.") from None
        except (PictureUnavailable, Cancelled) as error:
            self._report(error)
            raise
        except Exception as error:
            self._report(error)
            raise PictureUnavailable() from error
        finally:
            self._waiting -= 1

    async def _in_thread(self, draw: Draw[Subject], subject: Subject) -> Picture:
        """Draw with the place that was taken; it is free again once the thread is, which being
        cancelled hastens."""
        unwanted = threading.Event()

        def wanted() -> None:
            if unwanted.is_set():
                raise Cancelled

        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._at_once, thread_name_prefix="studio")
        try:
            work = functools.partial(draw, subject, self._fonts, wanted)
            drawing = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except BaseException:
            self._free.release()
            raise
        drawing.add_done_callback(self._over)
        try:
            return await asyncio.shield(drawing)
        except asyncio.CancelledError:
            unwanted.set()
            raise

    def _over(self, drawing: asyncio.Future[Picture]) -> None:
        self._free.release()
        if not drawing.cancelled():
            drawing.exception()  # seen: whoever gave up waiting does not come back for it

    def _report(self, error: Exception) -> None:
        """Log each kind of failure once: it would be in every answer."""
        kind = str(error) if isinstance(error, FontsMissing) else type(error).__name__
        if kind not in self._failures:
            self._failures.add(kind)
            log.error("picture_failed", error=kind, exc_info=not isinstance(error, FontsMissing))

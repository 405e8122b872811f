"""Drawing off the event loop: a few at once, in time, and freed by whoever gives up."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from pwrbot.pictures import Picture, PictureUnavailable, Studio, leaderboard
from pwrbot.pictures.fonts import DIRECTORY, Fonts
from pwrbot.pictures.leaderboard import Leaderboard
from tests.pictures.examples import PLAIN, board, chart, week, year


class Held:
    """A drawing that goes on until it is let go, or until nobody wants it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.given_up = threading.Event()
        self.threads: set[int] = set()
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, card: Leaderboard, fonts: Fonts, wanted: Callable[[], None]) -> Picture:
        with self._lock:
            self.threads.add(threading.get_ident())
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            while not self.let_go.wait(0.005):
                wanted()
            return Picture("x.png", b"", "x")
        except BaseException:
            self.given_up.set()
            raise
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    monkeypatch.setattr(leaderboard, "draw", made)
    return made


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not seen():  # noqa: ASYNC110 - it happens in another thread
            await asyncio.sleep(0.005)


CARD = board(PLAIN, 3)


async def test_every_kind_is_drawn() -> None:
    studio = Studio()
    drawn = [
        await studio.leaderboard(CARD),
        await studio.year(year()),
        await studio.week(week()),
        await studio.chart(chart()),
    ]
    assert [picture.name for picture in drawn] == [
        "leaderboard.png", "year.png", "week.png", "chart.png"
    ]  # fmt: skip
    assert all(picture.png.startswith(b"\x89PNG") for picture in drawn)
    studio.close()


async def test_the_loop_goes_on_and_only_so_many_are_drawn_at_once(held: Held) -> None:
    studio = Studio(at_once=2)
    tasks = [asyncio.create_task(studio.leaderboard(CARD)) for _ in range(7)]
    await until(lambda: held.now == 2)
    await asyncio.sleep(0.05)
    assert held.most == 2
    held.let_go.set()
    assert len(await asyncio.gather(*tasks)) == 7
    assert held.most == 2
    assert threading.get_ident() not in held.threads
    studio.close()


async def test_a_cancelled_request_frees_its_place(held: Held) -> None:
    studio = Studio(at_once=1)
    drawing = asyncio.create_task(studio.leaderboard(CARD))
    await until(lambda: held.now == 1)
    waiting = asyncio.create_task(studio.leaderboard(CARD))
    await asyncio.sleep(0.02)
    for task in (waiting, drawing):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await until(held.given_up.is_set)
    held.let_go.set()
    assert (await studio.leaderboard(CARD)).name == "x.png"
    studio.close()


async def test_one_that_takes_too_long_is_given_up(held: Held) -> None:
    studio = Studio(at_once=1, seconds=0.05)
    with pytest.raises(PictureUnavailable, match="too long"):
        await studio.leaderboard(CARD)
    await until(held.given_up.is_set)
    held.let_go.set()
    await until(lambda: held.now == 0)
    assert await studio.leaderboard(CARD)
    studio.close()


async def test_a_crowd_is_turned_away(held: Held) -> None:
    studio = Studio(at_once=1, most_waiting=3)
    tasks = [asyncio.create_task(studio.leaderboard(CARD)) for _ in range(3)]
    await until(lambda: held.now == 1)
    with pytest.raises(PictureUnavailable, match="Too many"):
        await studio.leaderboard(CARD)
    held.let_go.set()
    await asyncio.gather(*tasks)
    assert await studio.leaderboard(CARD)
    studio.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_without_fonts_it_says_so_and_logs_it_once(tmp_path: Path, damaged: bool) -> None:
    fonts = tmp_path / "fonts"
    if damaged:
        shutil.copytree(DIRECTORY, fonts)
        (fonts / "Inter-Medium.otf").write_bytes(b"OTTO but nothing more")
        (fonts / "Inter-SemiBold.otf").write_bytes(b"")
    studio = Studio(fonts)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(PictureUnavailable, match="install pwrbot again"):
                await studio.leaderboard(CARD)
    assert [line["event"] for line in logs] == ["picture_failed"]
    studio.close()


async def test_any_other_failure_is_a_picture_less(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Picture:
        raise ZeroDivisionError

    monkeypatch.setattr(leaderboard, "draw", broken)
    studio = Studio()
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(PictureUnavailable):
                await studio.leaderboard(CARD)
    assert [line["error"] for line in logs] == ["ZeroDivisionError"]
    studio.close()

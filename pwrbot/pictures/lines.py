"""A line chart: time by day, or whatever the steps are, beside the same of earlier periods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

from pwrbot.pictures.canvas import Canvas
from pwrbot.pictures.fonts import Fonts
from pwrbot.pictures.names import one_line
from pwrbot.pictures.palette import LINES, MUTED, TEXT, TRACK
from pwrbot.pictures.picture import Picture, alternative_text
from pwrbot.pictures.words import short


class Period(msgspec.Struct, frozen=True):
    """One line."""

    name: str
    times: Sequence[timedelta]
    """One for each step; fewer than there are steps where the period is not over."""


class Chart(msgspec.Struct, frozen=True):
    """At most three periods, the present one first."""

    title: str
    when: str
    steps: Sequence[str]
    """What is written below each step, where there is room."""
    periods: Sequence[Period]


_MARGIN = 28.0
_WIDTH, _HEIGHT = 680.0, 392.0
_TOP, _BOTTOM = 124.0, 340.0


def draw(chart: Chart, fonts: Fonts, wanted: Callable[[], None] = lambda: None) -> Picture:
    """The chart. Raises FontsMissing."""
    periods = chart.periods[: len(LINES)]
    canvas = Canvas(fonts, _WIDTH, _HEIGHT, wanted=wanted)
    inner = _WIDTH - 2 * _MARGIN
    canvas.text(_MARGIN, 42, one_line(chart.title), 24, weight="semibold", most=inner)
    canvas.text(_MARGIN, 65, one_line(chart.when), 14, MUTED, most=inner)
    most = max((time for period in periods for time in period.times), default=timedelta())
    step, marks = _scale(most)
    left = _MARGIN + 54
    right = _WIDTH - _MARGIN - 6
    for mark in range(marks + 1):
        y = _BOTTOM - (_BOTTOM - _TOP) * mark / marks
        canvas.rectangle(left, y, right - left, 0.5, TRACK)
        canvas.text(left - 10, y + 4, short(step * mark), 12, MUTED, align="right")
    count = max(len(chart.steps), *(len(period.times) for period in periods), 1)

    def spot(index: int, time: timedelta) -> tuple[float, float]:
        across = (index + 0.5) / count if count < 3 else index / (count - 1)
        return left + (right - left) * across, _BOTTOM - (_BOTTOM - _TOP) * (time / (step * marks))

    _steps(canvas, chart.steps, [spot(index, timedelta())[0] for index in range(count)])
    for number in reversed(range(len(periods))):
        points = [spot(index, time) for index, time in enumerate(periods[number].times)]
        if number == 0:
            canvas.shade(points, _BOTTOM, LINES[0], 0.35)
        canvas.line(points, LINES[number], 3 if number == 0 else 2, dashed=number > 0)
        if number == 0 and points:
            canvas.line(points[-1:], LINES[0], 8)
    x = _MARGIN
    for number, period in enumerate(periods):
        total = short(sum(period.times, timedelta()))
        canvas.line([(x + 2, 95), (x + 24, 95)], LINES[number], 3, dashed=number > 0)
        words = f"{one_line(period.name)}: {total}"
        colour = TEXT if number == 0 else MUTED
        x += 32 + canvas.text(x + 32, 100, words, 13, colour, most=inner / 3 - 40) + 20
    words = alternative_text(f"{one_line(chart.title)}, {one_line(chart.when)}", chart_lines(chart))
    return Picture("chart.png", canvas.png(), words)


def _steps(canvas: Canvas, steps: Sequence[str], across: list[float]) -> None:
    """As many of the names below the axis as have room, the first one always."""
    free = -math.inf
    for x, name in zip(across, steps, strict=False):
        if name and x >= free:
            wide = canvas.text(x, _BOTTOM + 22, one_line(name), 12, MUTED, align="middle", most=120)
            free = x + wide + 14


def _scale(most: timedelta) -> tuple[timedelta, int]:
    """A round step of the axis, and how many of it hold the most: between 3 and 6."""
    wanted = max(most, timedelta(minutes=3)) / 5
    for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440):
        if timedelta(minutes=minutes) >= wanted:
            step = timedelta(minutes=minutes)
            break
    else:
        hours = wanted / timedelta(hours=1)
        power = 10 ** math.floor(math.log10(hours))
        factor = next(f for f in (1, 2, 2.5, 5, 10) if f * power >= hours * (1 - 1e-9))
        step = timedelta(hours=factor * power)
    return step, max(3, -(-most // step))


def chart_lines(chart: Chart) -> list[str]:
    """The same in words: the total of each period, then each step of the present one."""
    periods = chart.periods[: len(LINES)]
    told = [f"{one_line(p.name)}: {short(sum(p.times, timedelta()))} in all" for p in periods]
    if periods:
        named = zip(chart.steps, periods[0].times, strict=False)
        told += [f"{one_line(step)}: {short(time)}" for step, time in named if step]
    return told

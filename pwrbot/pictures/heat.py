"""Maps of amounts: the days of a year, and the hours of a week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from pwrbot.pictures.canvas import Canvas
from pwrbot.pictures.fonts import Fonts
from pwrbot.pictures.names import one_line
from pwrbot.pictures.palette import AMOUNTS, MUTED, RAISED, amount
from pwrbot.pictures.picture import Picture, alternative_text
from pwrbot.pictures.words import DAYS, MONTHS, on, short

_MARGIN = 28.0
_HEAD = 84.0
_TOLD = 12
"""How many of the largest amounts the alternative text names."""


class Year(msgspec.Struct, frozen=True):
    """Every day from the first to the last; weeks begin on Monday. At most 54 weeks are drawn,
    the last ones."""

    title: str
    when: str
    first: date
    last: date
    days: Mapping[date, timedelta]
    """Days without time may be left out."""


class Week(msgspec.Struct, frozen=True):
    """The hours of a week, each hour of the day on each day of the week."""

    title: str
    when: str
    hours: Sequence[timedelta]
    """168 of them from Monday, 00:00 to 01:00."""


_CELL, _STEP = 13.0, 16.0
_WEEKS = 54


def draw_year(year: Year, fonts: Fonts, wanted: Callable[[], None] = lambda: None) -> Picture:
    """A square for each day, in a column for each week. Raises FontsMissing."""
    first, times = _shown(year)
    start = first - timedelta(days=first.weekday())
    weeks = ((year.last - start).days) // 7 + 1
    most = max(times.values(), default=timedelta())
    left, top = _MARGIN + 38, _HEAD + 22
    width = max(left + weeks * _STEP + _MARGIN, 560)
    canvas = Canvas(fonts, width, top + 7 * _STEP + 52, wanted=wanted)
    _head(canvas, year.title, year.when)
    for row in (0, 2, 4, 6):
        canvas.text(_MARGIN, top + row * _STEP + 11, DAYS[row], 12, MUTED)
    free = 0.0
    for week in range(weeks):
        days = [start + timedelta(days=7 * week + row) for row in range(7)]
        x = left + week * _STEP
        begins = next((day for day in days if day.day == 1 and day in times), None)
        if begins is None and week == 0 and days[6].day < 22:
            begins = days[6]
        if begins is not None and x >= free:
            free = x + 8 + canvas.text(x, top - 9, MONTHS[begins.month - 1], 12, MUTED)
        for row, day in enumerate(days):
            if day in times:
                colour = amount(times[day] / most if most else 0.0)
                canvas.rectangle(x, top + row * _STEP, _CELL, _CELL, colour, 3)
    _legend(canvas, top + 7 * _STEP + 26, _total(times), most)
    return Picture("year.png", canvas.png(), _words(year.title, year.when, year_lines(year)))


def year_lines(year: Year) -> list[str]:
    """The same in words: the total, then the days with the most."""
    _, times = _shown(year)
    peaks = sorted((day for day in times if times[day]), key=lambda day: (-times[day], day))
    return [f"Total {_total(times)}."] + [
        f"{on(day)}: {short(times[day])}" for day in peaks[:_TOLD]
    ]


def draw_week(week: Week, fonts: Fonts, wanted: Callable[[], None] = lambda: None) -> Picture:
    """A row for each day and a column for each hour. Raises FontsMissing."""
    cell, step = 23.0, 26.0
    left, top = _MARGIN + 42, _HEAD + 22
    most = max(week.hours)
    canvas = Canvas(fonts, left + 24 * step + _MARGIN, top + 7 * step + 52, wanted=wanted)
    _head(canvas, week.title, week.when)
    for hour in range(0, 24, 3):
        canvas.text(left + hour * step, top - 9, f"{hour:02}:00", 12, MUTED)
    for day, name in enumerate(DAYS):
        canvas.text(_MARGIN, top + day * step + 16, name, 13, MUTED)
        for hour in range(24):
            colour = amount(week.hours[day * 24 + hour] / most if most else 0.0)
            canvas.rectangle(left + hour * step, top + day * step, cell, cell, colour, 5)
    total = sum(week.hours, timedelta())
    _legend(canvas, top + 7 * step + 26, f"{short(total)} in all", most)
    return Picture("week.png", canvas.png(), _words(week.title, week.when, week_lines(week)))


def week_lines(week: Week) -> list[str]:
    """The same in words: the total, then the hours with the most."""
    order = sorted(range(168), key=lambda number: (-week.hours[number], number))
    return [f"Total {short(sum(week.hours, timedelta()))}."] + [
        f"{DAYS[number // 24]} {number % 24:02}:00: {short(week.hours[number])}"
        for number in order[:_TOLD]
        if week.hours[number]
    ]


def _shown(year: Year) -> tuple[date, dict[date, timedelta]]:
    """The first day there is room for, and the time of each from there on."""
    monday = year.last - timedelta(days=year.last.weekday())
    first = max(year.first, monday - timedelta(weeks=_WEEKS - 1))
    days = (first + timedelta(days=number) for number in range((year.last - first).days + 1))
    return first, {day: year.days.get(day, timedelta()) for day in days}


def _total(times: Mapping[date, timedelta]) -> str:
    active = sum(time > timedelta() for time in times.values())
    words = f"{active:,} day{'' if active == 1 else 's'}"
    return f"{short(sum(times.values(), timedelta()))} on {words}"


def _head(canvas: Canvas, title: str, when: str) -> None:
    inner = canvas.width - 2 * _MARGIN
    canvas.text(_MARGIN, 42, one_line(title), 24, weight="semibold", most=inner)
    canvas.text(_MARGIN, 65, one_line(when), 14, MUTED, most=inner)


def _legend(canvas: Canvas, y: float, words: str, most: timedelta) -> None:
    """What the colours mean, in the lower right corner; ``words`` in the left."""
    canvas.text(_MARGIN, y, words, 13, MUTED)
    right = canvas.width - _MARGIN
    right -= canvas.text(right, y, short(most), 13, MUTED, align="right") + 8
    for colour in (*reversed(AMOUNTS), RAISED):
        right -= _CELL
        canvas.rectangle(right, y - 11, _CELL, _CELL, colour, 3)
        right -= 3
    canvas.text(right - 5, y, "0", 13, MUTED, align="right")


def _words(title: str, when: str, lines: list[str]) -> str:
    text = f"{one_line(title)}, {one_line(when)}"
    return alternative_text(text, lines)

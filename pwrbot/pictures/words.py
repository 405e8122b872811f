"""Lengths of time on axes and in alternative texts."""

from __future__ import annotations

from datetime import date, timedelta

_HOUR = timedelta(hours=1)

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def short(time: timedelta) -> str:
    """``45 s``, ``12 min``, ``3.5 h``, ``1,240 h``: about two figures."""
    if time < timedelta(minutes=1):
        return f"{max(time, timedelta()) // timedelta(seconds=1)} s"
    if time < _HOUR:
        return f"{time // timedelta(minutes=1)} min"
    hours = time / _HOUR
    return f"{hours:,.0f} h" if hours >= 100 or hours == int(hours) else f"{hours:,.1f} h"


def on(day: date) -> str:
    """``Wed 18 Mar 2026``."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"

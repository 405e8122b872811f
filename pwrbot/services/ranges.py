"""The ranges of time people ask for, and where a day begins in a server's zone."""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from pwrbot.errors import PwrbotError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SUGGESTIONS: Final = 3
_OFFERED: Final = 25  # as many choices as Discord shows
_COMMON: Final = (
    "UTC",
    "Europe/London",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Jakarta",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)


class UnknownTimezone(PwrbotError):
    """There is no such time zone; give an IANA name such as Europe/Paris."""


class Range(StrEnum):
    """What a board looks back on. It ends now; a day, month or year begins at local midnight."""

    TODAY = "today"
    PAST_24_HOURS = "past_24_hours"
    PAST_72_HOURS = "past_72_hours"
    PAST_7_DAYS = "past_7_days"
    PAST_14_DAYS = "past_14_days"
    THIS_MONTH = "this_month"
    THIS_YEAR = "this_year"
    ALL_TIME = "all_time"

    @property
    def label(self) -> str:
        """As people read it, such as "Past 24 hours"."""
        return self.value.replace("_", " ").capitalize()


DEFAULT_RANGE: Final = Range.THIS_MONTH

_LENGTHS: Final = {
    Range.PAST_24_HOURS: timedelta(hours=24),
    Range.PAST_72_HOURS: timedelta(hours=72),
    Range.PAST_7_DAYS: timedelta(days=7),
    Range.PAST_14_DAYS: timedelta(days=14),
}


def bounds(chosen: Range, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The range as [since, until) in UTC; ``until`` is now. Days of 23 or 25 hours are whole."""
    until = now.astimezone(UTC)
    if chosen in _LENGTHS:
        return until - _LENGTHS[chosen], until
    if chosen is Range.ALL_TIME:
        return EPOCH, until
    first = until.astimezone(zone).date()
    if chosen is Range.THIS_MONTH:
        first = first.replace(day=1)
    elif chosen is Range.THIS_YEAR:
        first = first.replace(month=1, day=1)
    return day_start(first, zone), until


@lru_cache(maxsize=4096)
def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC.

    Midnight, the earlier one where clocks show it twice; where they skip it, the moment of the
    skip. A day that was skipped altogether begins and ends at once.
    """
    midnight = datetime.combine(day, time())
    late = midnight.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == midnight:
        return late
    # In a gap, fold 0 reads the old offset and fold 1 the new one: the skip lies between.
    early = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while early < late:
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None, fold=0) >= midnight:
            late = middle
        else:
            early = middle + timedelta(seconds=1)
    return late


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The local day that holds a moment. Not always its date: a clock set back at midnight shows
    the day before once more."""
    day = moment.astimezone(zone).date() + timedelta(days=1)
    while day_start(day, zone) > moment:
        day -= timedelta(days=1)
    return day


def day_starts(first_day: date, last_day: date, zone: ZoneInfo) -> list[datetime]:
    """Where each local day from the first to the last, both included, begins, in UTC."""
    numbers = range((last_day - first_day).days + 1)
    return [day_start(first_day + timedelta(days=number), zone) for number in numbers]


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name, in whatever case. Raises UnknownTimezone with near names."""
    known = _names().get(_folded(name))
    if known is None:
        near = _near(name)
        hint = f" Did you mean {' or '.join(near)}?" if near else " Try a name like Europe/Paris."
        raise UnknownTimezone(f"There is no time zone called {name[:60]!r}.{hint}")
    return ZoneInfo(known)


def timezones_like(text: str) -> list[str]:
    """At most 25 names that match what somebody has typed so far, the best first."""
    wanted = _folded(text)
    if not wanted:
        return list(_COMMON)
    starting: list[str] = []
    containing: list[str] = []
    for folded, name in _names().items():
        place = folded.rpartition("/")[2]
        if folded.startswith(wanted) or place.startswith(wanted):
            starting.append(name)
        elif wanted in folded:
            containing.append(name)
    return (starting + containing)[:_OFFERED]


def _near(name: str) -> list[str]:
    wanted = _folded(name[:60])
    if len(wanted) < 2:
        return []
    names = _names()
    found = timezones_like(wanted)
    places = {folded.rpartition("/")[2]: known for folded, known in names.items()}
    found += [names[near] for near in difflib.get_close_matches(wanted, names, _SUGGESTIONS)]
    found += [places[near] for near in difflib.get_close_matches(wanted, places, _SUGGESTIONS)]
    return list(dict.fromkeys(found))[:_SUGGESTIONS]


def _folded(name: str) -> str:
    return name.strip().replace(" ", "_").casefold()


@cache
def _names() -> dict[str, str]:
    """Every name this machine knows, by its folded form; in order."""
    return {_folded(name): name for name in sorted(available_timezones())}

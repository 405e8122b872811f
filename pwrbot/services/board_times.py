"""When scheduled boards are posted, and the time they show, in the local hours of a server.

An hour that the clocks skip is the one they show instead; of one shown twice it is the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pwrbot.entities import VoiceBoardKind
from pwrbot.services.ranges import day_start


def next_post(
    kind: VoiceBoardKind, hour: int, weekday: int, after: datetime, zone: ZoneInfo
) -> datetime:
    """The first time of the schedule later than ``after``, in UTC."""
    day = after.astimezone(zone).date() - timedelta(days=1)
    while True:
        moment = moment_of(day, hour, zone)
        if moment > after and _posts_on(kind, weekday, day):
            return moment
        day += timedelta(days=1)


def last_day(
    kind: VoiceBoardKind, hour: int, weekday: int, until: datetime, zone: ZoneInfo
) -> date:
    """The local day of the schedule's last time no later than ``until``.

    That time itself can lie on the day after: the clocks may skip the day's last hour.
    """
    day = until.astimezone(zone).date() + timedelta(days=1)
    while not (moment_of(day, hour, zone) <= until and _posts_on(kind, weekday, day)):
        day -= timedelta(days=1)
    return day


def period_before(kind: VoiceBoardKind, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The whole local day, 7 days or month before a board's day, as [since, until) in UTC."""
    if kind == "month":
        day = day.replace(day=1)
        first = (day - timedelta(days=1)).replace(day=1)
    else:
        first = day - timedelta(days=7 if kind == "week" else 1)
    return day_start(first, zone), day_start(day, zone)


def moment_of(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """The hour of a local day, in UTC."""
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def _posts_on(kind: VoiceBoardKind, weekday: int, day: date) -> bool:
    return {"week": day.weekday() == weekday, "month": day.day == 1}.get(kind, True)

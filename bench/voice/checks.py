"""That the answers are the same: ours and the plain form's to the microsecond, pwr-bot's where its
definition is right, to what its whole seconds lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from bench.voice import pwr_bot
from bench.voice.data import EPOCH, NOW, Community, micros
from bench.voice.databases import Databases
from bench.voice.questions import (
    ALL_TIME,
    BOARDS,
    PARTNERS,
    PERCENTILES,
    YEAR,
    ZONE,
    Window,
    days_of_a_year,
    hours_of_weeks,
)
from pwrbot.services.ranges import Range

EVERYBODY = 1_000_000

Totals = dict[int, int]
"""Microseconds, by member, channel or beginning."""


class Compared(msgspec.Struct, frozen=True):
    """One answer, all of its rows."""

    title: str
    rows: int
    total_hours: float
    """Of all rows together."""
    off: int | None = None
    """Rows of pwr-bot's that differ from ours by more than its rounding; None: not comparable."""
    worst_seconds: float = 0.0
    why: str = ""
    pwr_bot_seconds: float | None = None
    """What all of pwr-bot's rows took: what its command asks for, to show ten of them."""


class Different(AssertionError):
    """Two answers that have to be the same are not."""


async def compared(opened: Databases, community: Community) -> list[Compared]:
    """Raises Different."""
    guild_id = community.big_guild
    ours, simple, theirs = opened.ours, opened.plain, opened.pwr_bot
    sessions = _sessions_of(community)
    text_times = opened.stores.engine == "sqlite"
    found: list[Compared] = []
    for window in BOARDS:
        page = {
            "guild_id": guild_id,
            "since": window.since,
            "until": window.until,
            "offset": 0,
        }
        mine = await ours.leaderboard(guild_id, window, EVERYBODY)
        same = await simple.run("leaderboard", **page, now=NOW, limit=EVERYBODY)
        title = f"leaderboard, {window.name}"
        _same_lines(title, mine, same)
        started = perf_counter()
        rows = await theirs.run("leaderboard", **page, current=NOW, limit=pwr_bot.EVERYTHING)
        seconds = perf_counter() - started
        one = _beside(title, _lines(mine), _seconds(rows), sessions)
        if one.off:
            raise Different(f"{title}: {one.off} of pwr-bot's sums differ from ours: {one}")
        found.append(msgspec.structs.replace(one, pwr_bot_seconds=seconds))
    for window in PARTNERS:
        for percentile in PERCENTILES:
            user_id = community.member(percentile)
            page = {
                "guild_id": guild_id,
                "user_id": user_id,
                "since": window.since,
                "until": window.until,
                "offset": 0,
            }
            mine = await ours.partners(guild_id, user_id, window, EVERYBODY)
            same = await simple.run("partners", **page, now=NOW, limit=EVERYBODY)
            title = f"partners of p{percentile}, {window.name}"
            _same_lines(title, mine, same)
            if window is ALL_TIME and percentile == 99:
                continue  # minutes, for what the others show
            rows = await theirs.run("partners", **page, current=NOW, limit=pwr_bot.EVERYTHING)
            own = sessions.get(user_id, 0)
            bound = {partner: count + own for partner, count in sessions.items()}
            one = _beside(title, _lines(mine), _seconds(rows), bound)
            if window is ALL_TIME and not text_times and one.off:
                raise Different(f"{title}: {one.off} of pwr-bot's sums differ from ours: {one}")
            found.append(msgspec.structs.replace(one, why=_why(window, text_times)))
    found += await _activity(opened, guild_id)
    return found


async def _activity(opened: Databases, guild_id: int) -> list[Compared]:
    """What pwr-bot defines in another way, or has not got."""
    ours, simple = opened.ours, opened.plain
    found: list[Compared] = []
    days = days_of_a_year()
    same = await simple.run("between", guild_id=guild_id, stretches=days, now=NOW)
    totals = zip(days, await ours.days(guild_id, days[0][0]), strict=True)
    by_day = {micros(since): _micros(one.total) for (since, _), one in totals if one.total}
    found.append(_same("activity per day, a year", by_day, _totals(same)))
    hours = hours_of_weeks()
    same = await simple.run("between", guild_id=guild_id, stretches=hours, now=NOW)
    mine = await ours.activity(guild_id, hours[0][0])
    by_hour = {
        weekday * 24 + hour: _micros(total)
        for weekday, day in enumerate(mine.week)
        for hour, total in enumerate(day)
        if total
    }
    found.append(_same("activity by hour of the week, 28 days", by_hour, _by_hour_of_week(same)))
    channels = await simple.run(
        "channels", guild_id=guild_id, since=YEAR.since, until=YEAR.until, now=NOW
    )
    title = "time per channel, this year"
    rows = await ours.channels(guild_id, Range.THIS_YEAR, EVERYBODY)
    mine = {row.channel_id: _micros(row.total) for row in rows}
    found.append(_same(title, mine, _totals(channels)))
    return found


def _why(window: Window, text_times: bool) -> str:
    if window is not ALL_TIME:
        return "pwr-bot drops what began before the range and does not clip"
    return "pwr-bot compares today's times as text" if text_times else ""


def _same_lines(title: str, mine: Sequence[Any], same: Sequence[Sequence[Any]]) -> None:
    """All of a board: who, how long, in which place."""
    left = [(row.user_id, _micros(row.total), row.place, row.members) for row in mine]
    right = [(row[0], _micros(row[1]), row[2], row[3]) for row in same]
    if left == right:
        return
    first = next((pair for pair in zip(left, right, strict=False) if pair[0] != pair[1]), None)
    raise Different(
        f"{title}: {len(left)} lines of ours, {len(right)} of the plain form; first: {first}"
    )


def _same(title: str, mine: Totals, same: Totals) -> Compared:
    if mine != same:
        wrong = {key for key in mine.keys() | same.keys() if mine.get(key) != same.get(key)}
        key = min(wrong)
        raise Different(
            f"{title}: {len(wrong)} of {len(same)} differ from the plain form;"
            f" {key}: {mine.get(key)} and {same.get(key)}"
        )
    return Compared(title, len(mine), _hours(mine))


def _beside(title: str, mine: Totals, theirs: Totals, bound: Mapping[int, int]) -> Compared:
    """pwr-bot's seconds beside our microseconds: each row it adds up may be off by a second."""
    off, worst = 0, 0.0
    for key in mine.keys() | theirs.keys():
        apart = abs(mine.get(key, 0) - theirs.get(key, 0)) / 1e6
        worst = max(worst, apart)
        off += apart > bound.get(key, 0) + 1
    return Compared(title, len(mine), _hours(mine), off, worst)


def _sessions_of(community: Community) -> dict[int, int]:
    """How many sessions each member of the big guild has."""
    sessions = community.sessions
    users = sessions.user_id[sessions.guild_id == community.big_guild]
    ids, counts = np.unique(users, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def _lines(rows: Sequence[Any]) -> Totals:
    return {row.user_id: _micros(row.total) for row in rows}


def _seconds(rows: Sequence[Sequence[Any]]) -> Totals:
    return {row[0]: round(row[1] * 1_000_000) for row in rows}


def _totals(rows: Sequence[Sequence[Any]]) -> Totals:
    """Of the plain form; a beginning as microseconds."""
    keys = [row[0] if isinstance(row[0], int) else micros(row[0]) for row in rows]
    return {key: _micros(row[1]) for key, row in zip(keys, rows, strict=True) if row[1]}


def _by_hour_of_week(rows: Sequence[Sequence[Any]]) -> Totals:
    """By the hours since Monday, in the server's zone."""
    found: dict[int, int] = {}
    for since, total in _totals(rows).items():
        local = (EPOCH + timedelta(microseconds=since)).astimezone(ZONE)
        hour = local.weekday() * 24 + local.hour
        found[hour] = found.get(hour, 0) + total
    return found


def _hours(totals: Totals) -> float:
    return sum(totals.values()) / 3.6e9


def _micros(length: Any) -> int:
    return length if isinstance(length, int) else length // timedelta(microseconds=1)

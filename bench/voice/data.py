"""The community that is measured: who was in which voice channel, made from a seed.

One guild of 20,000 members has 30 % of all sessions, 1,500 others share the rest. Ten million
sessions are two years of it. Members and guilds differ in how active they are as words do in how
often they are used (Zipf); evenings and weekends are busy; lengths are log-normal, 50 minutes on
average; nobody is in two channels at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Growth = Literal["time", "activity"]
"""What fewer sessions mean. ``time``: the same people and as many sessions a day, over fewer days:
history as it grows. ``activity``: two years always, of fewer sessions a day."""

NOW = datetime(2026, 6, 17, 15, 37, 21, 482_913, UTC)
"""A Wednesday; no whole second, and neither a day, month nor year begins anywhere."""

VERSION = 1
"""Of the data: databases made from another are not used again."""

DAYS = 730
A_DAY = 10_000_000 / DAYS
"""Sessions that begin on a day, in all guilds."""

GUILDS = 1_501
BIG_SHARE = 0.3
BIG_MEMBERS = 20_000
CHANNELS = 50
MEAN_MINUTES, SIGMA, LONGEST_HOURS = 50.0, 1.1, 36

MICROSECOND = 1
SECOND = 1_000_000
HOUR = 3600 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Of the sessions of a day, by the hour of UTC in which they begin.
NIGHT = (3, 2, 1.4, 1, 0.8, 0.7, 0.8, 1.2, 1.8, 2.4, 2.8, 3.2)
HOURS = np.array([*NIGHT, 3.6, 4, 4.4, 5, 5.8, 6.8, 8, 9, 9.4, 8.6, 6.6, 4.6])
DAYS_OF_WEEK = np.array([0.92, 0.9, 0.92, 0.96, 1.1, 1.22, 1.14])  # from Monday


@dataclass(frozen=True)
class Sessions:
    """Columns of one length, in the order of (guild, member, beginning). Times in microseconds."""

    guild_id: Ints
    user_id: Ints
    channel_id: Ints
    joined_at: Ints
    left_at: Ints

    def __len__(self) -> int:
        return len(self.guild_id)

    def where(self, chosen: npt.NDArray[Any]) -> Sessions:
        """Those rows: by a mask, or by their numbers in another order."""
        return Sessions(
            self.guild_id[chosen],
            self.user_id[chosen],
            self.channel_id[chosen],
            self.joined_at[chosen],
            self.left_at[chosen],
        )

    def by_time(self) -> Sessions:
        """In the order in which a bot that lived through it would have stored them."""
        return self.where(np.argsort(self.left_at, kind="stable"))


@dataclass(frozen=True)
class Community:
    """All sessions up to ``NOW``; of those that were open then, ``left_at`` is yet to come."""

    sessions: Sessions
    big_guild: int

    @property
    def ended(self) -> Sessions:
        return self.sessions.where(self.sessions.left_at <= micros(NOW))

    @property
    def open(self) -> Sessions:
        return self.sessions.where(self.sessions.left_at > micros(NOW))

    def member(self, percentile: float) -> int:
        """Of the big guild: whom so many per cent of its active members do not surpass in
        sessions."""
        users, counts = np.unique(
            self.sessions.user_id[self.sessions.guild_id == self.big_guild], return_counts=True
        )
        order = np.lexsort((users, counts))
        return int(users[order[round((len(order) - 1) * percentile / 100)]])


def community(count: int, seed: int, growth: Growth = "time") -> Community:
    """So many sessions, the same ones for the same arguments."""
    chance = np.random.default_rng(seed)
    days = DAYS if growth == "activity" else max(1, round(count / A_DAY))
    guild_ids, share = _guilds(chance)
    members = np.maximum(3, np.rint(BIG_MEMBERS * share / BIG_SHARE)).astype(np.int64)
    guild_of = np.repeat(np.arange(GUILDS), members)
    weight = _activity(chance, guild_of, members) * share[guild_of]
    ids = _ids(chance, len(guild_of))
    favourite = chance.random(len(guild_of))

    member = np.repeat(np.arange(len(guild_of)), chance.multinomial(count, weight / weight.sum()))
    joined = _beginnings(chance, count, days)
    member, joined = _sorted(member, joined)
    length = np.exp(chance.normal(_mu(), SIGMA, count)) * 60 * SECOND
    left = joined + np.clip(length, SECOND, LONGEST_HOURS * HOUR).astype(np.int64)
    same = member[1:] == member[:-1]
    left[:-1] = np.where(same, np.minimum(left[:-1], joined[1:]), left[:-1])

    guild = guild_of[member]
    return Community(
        Sessions(
            guild_ids[guild],
            ids[member],
            _channels(chance, guild, share, favourite[member]),
            joined,
            left,
        ),
        int(guild_ids[np.argmax(share)]),
    )


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _guilds(chance: np.random.Generator) -> tuple[Ints, Floats]:
    """Ids in order, and what part of all sessions each has; the big one somewhere among them."""
    rest = 1 / (np.arange(GUILDS - 1) + 5.0)
    share = np.append(rest / rest.sum() * (1 - BIG_SHARE), BIG_SHARE)
    return _ids(chance, GUILDS), chance.permutation(share)


def _activity(chance: np.random.Generator, guild_of: Ints, members: Ints) -> Floats:
    """Of each member, in their guild: adds up to 1 there. Who is active has nothing to do with
    their id."""
    first = np.repeat(np.cumsum(members) - members, members)
    rank = np.lexsort((chance.random(len(guild_of)), guild_of)) - first
    weight = (rank + 100.0) ** -0.9
    return weight / np.bincount(guild_of, weight)[guild_of]


def _ids(chance: np.random.Generator, count: int) -> Ints:
    """Different numbers as large as Discord's, in order."""
    ids = np.unique(chance.integers(1 << 57, 1 << 60, count + 16, dtype=np.int64))
    return np.sort(chance.permutation(ids)[:count])


def _beginnings(chance: np.random.Generator, count: int, days: int) -> Ints:
    """Moments before NOW, busy hours and days preferred."""
    now = micros(NOW)
    hours = np.arange(days * 24) * HOUR + (now - days * 24 * HOUR)
    clock = hours // HOUR % 24
    weekday = (hours // (24 * HOUR) + 3) % 7  # 1970 began on a Thursday
    weight = HOURS[clock] * DAYS_OF_WEEK[weekday]
    per_hour = chance.multinomial(count, weight / weight.sum())
    begun = np.repeat(hours, per_hour) + chance.integers(0, HOUR, count, dtype=np.int64)
    return chance.permutation(begun)


def _sorted(member: Ints, joined: Ints) -> tuple[Ints, Ints]:
    """By member and moment: one sort of numbers that hold both. No two alike are left."""
    first = int(joined.min())
    bits = int(joined.max() - first + 1).bit_length()
    key = np.sort(member << bits | (joined - first))
    while (twice := np.flatnonzero(key[1:] == key[:-1])).size:
        key[twice + 1] += 1
        key.sort()
    return key >> bits, (key & ((1 << bits) - 1)) + first


def _mu() -> float:
    """Of the normal distribution whose exponential is so many minutes on average."""
    return float(np.log(MEAN_MINUTES) - SIGMA**2 / 2)


def _channels(chance: np.random.Generator, guild: Ints, share: Floats, favourite: Floats) -> Ints:
    """Half of the time a member's favourite; some channels are everybody's."""
    channels = np.clip(np.rint(CHANNELS * np.sqrt(share / BIG_SHARE)), 2, CHANNELS)
    chosen = np.where(chance.random(len(guild)) < 0.5, favourite, chance.random(len(guild)))
    number = (channels[guild] * chosen**1.3).astype(np.int64)
    return (1 << 58) + guild * 4096 * CHANNELS + number * 4096

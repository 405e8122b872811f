"""When a feed is polled again: as often as it publishes, seldom where it fails, not all at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pwrbot.feeds.model import FoundItem

LONGEST_WAIT: Final = timedelta(days=1)
"""After failures, and for hosts that ask for more: a feed is never given up."""

_POLLS_A_GAP: Final = 4  # between two items, on average
_LOOKED_AT: Final = 10  # items that tell how often a feed publishes
_FEWEST: Final = 3  # of them, with dates
_SLOWER: Final = 1.1  # each poll that brings nothing
_SPREAD: Final = 0.1


class Rhythm(msgspec.Struct, frozen=True):
    """How often feeds are polled: the bounds for those that work."""

    least: timedelta = timedelta(minutes=5)
    most: timedelta = timedelta(hours=6)

    def bounded(self, interval: timedelta) -> timedelta:
        return max(self.least, min(interval, self.most))

    def next_interval(
        self, interval: timedelta, items: Sequence[FoundItem], now: datetime, *, changed: bool
    ) -> timedelta:
        """The interval after a poll that worked; ``items`` is what the feed shows, if it was read.

        By the dates of the last items, the time since the newest included: a quarter of the average
        gap. Where they have none, half of what it was after news, and a tenth more without.
        """
        dates = sorted(
            item.published_at
            for item in items
            if item.published_at is not None and item.published_at <= now
        )[-_LOOKED_AT:]
        if len(dates) >= _FEWEST:
            return self.bounded((now - dates[0]) / len(dates) / _POLLS_A_GAP)
        return self.bounded(interval / 2 if changed else interval * _SLOWER)


def wait_after_success(
    interval: timedelta, hint: timedelta | None, chance: random.Random
) -> timedelta:
    """The interval, give or take a tenth; never less than the source asks for, up to a day."""
    wait = interval * chance.uniform(1 - _SPREAD, 1 + _SPREAD)
    return max(wait, min(hint or timedelta(), LONGEST_WAIT))


def wait_after_failure(
    rhythm: Rhythm, failures: int, retry_after: timedelta | None, chance: random.Random
) -> timedelta:
    """Twice as long each time, up to a day, less up to a tenth; ``failures`` counts from 1."""
    doubled = rhythm.least * 2 ** min(failures - 1, 30)
    wait = min(doubled, LONGEST_WAIT) * chance.uniform(1 - _SPREAD, 1)
    return max(wait, min(retry_after or timedelta(), LONGEST_WAIT))


def wait_in_trouble(wait: float, lease: timedelta) -> float:
    """The seconds between two looks at what is due, twice as long after each that failed.

    Up to a third of a lease: a look also keeps what is claimed.
    """
    return min(2 * wait, lease / timedelta(seconds=3))

"""What is in the database, read past pwrbot's own layer: tests of it must not lean on it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import psycopg

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOSED = "SELECT guild_id, user_id, channel_id, joined_at, left_at FROM {}voice_sessions"
_OPEN = "SELECT guild_id, user_id, channel_id, joined_at, NULL FROM {}open_voice_sessions"


class Stored(NamedTuple):
    """A session as it is stored; ``left_at`` None while it is open."""

    guild_id: int
    user_id: int
    channel_id: int
    joined_at: datetime
    left_at: datetime | None

    @property
    def seconds(self) -> float:
        assert self.left_at is not None, "the session is open"
        return (self.left_at - self.joined_at).total_seconds()


def sessions(url: str) -> list[Stored]:
    """Every session, open ones too, by guild, member and start."""
    found = _sqlite(url) if url.startswith("sqlite") else _postgres(url)
    return sorted(found, key=lambda one: (one.guild_id, one.user_id, one.joined_at))


def check(found: Iterable[Stored]) -> None:
    """At most one open session a member, none ends before it starts, none overlaps another."""
    members: defaultdict[tuple[int, int], list[Stored]] = defaultdict(list)
    for one in found:
        assert one.left_at is None or one.left_at > one.joined_at, f"ends before it starts: {one}"
        members[one.guild_id, one.user_id].append(one)
    for mine in members.values():
        assert sum(one.left_at is None for one in mine) <= 1, f"two are open: {mine}"
        for before, after in pairwise(sorted(mine, key=lambda one: one.joined_at)):
            assert before.left_at is not None, f"open before another: {before}, {after}"
            assert before.left_at <= after.joined_at, f"overlap: {before}, {after}"


def _sqlite(url: str) -> list[Stored]:
    connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)
    try:
        with connection:
            rows = connection.execute(f"{_CLOSED} UNION ALL {_OPEN}".format("", "")).fetchall()
    finally:
        connection.close()
    return [
        Stored(guild_id, user_id, channel_id, _moment(joined), left and _moment(left))
        for guild_id, user_id, channel_id, joined, left in rows
    ]


def _postgres(url: str) -> list[Stored]:
    text = f"{_CLOSED} UNION ALL {_OPEN}".format("pwrbot.", "pwrbot.")
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(text.encode()).fetchall()
    return [Stored(*row) for row in rows]


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

"""Shards: which guilds they have, and how those of two counts relate."""

from __future__ import annotations

from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.shards import ALL, Shards, parse_shards


@st.composite
def shards(draw: st.DrawFn) -> Shards:
    count = draw(st.integers(1, 12))
    ids = draw(st.sets(st.integers(0, count - 1), min_size=1))
    return Shards(tuple(sorted(ids)), count)


def guilds_of(one: Shards, other: Shards) -> set[int]:
    """The guilds of one among those that tell any two such divisions apart, by Discord's rule."""
    ids = (number << 22 | 5 for number in range(lcm(one.count, other.count)))
    return {guild_id for guild_id in ids if (guild_id >> 22) % one.count in one.ids}


@given(shards(), shards())
def test_meeting_and_covering(one: Shards, other: Shards) -> None:
    mine, theirs = guilds_of(one, other), guilds_of(other, one)

    assert one.meets(other) == other.meets(one) == bool(mine & theirs)
    assert one.covers(other) == (theirs <= mine)
    assert all(one.has(guild_id) for guild_id in mine)
    assert not any(one.has(guild_id) for guild_id in theirs - mine)
    assert ALL.covers(one)


@given(shards())
def test_it_reads_what_it_writes(one: Shards) -> None:
    assert parse_shards(str(one)) == one


@pytest.mark.parametrize(
    ("text", "ids", "written"),
    [
        ("0-3/16", (0, 1, 2, 3), "0-3/16"),
        ("4/16", (4,), "4/16"),
        ("7,0,2-3/9", (0, 2, 3, 7), "0,2-3,7/9"),
        ("0/1", (0,), "0/1"),
        ("0-0/2", (0,), "0/2"),
    ],
)
def test_parsing(text: str, ids: tuple[int, ...], written: str) -> None:
    found = parse_shards(text)
    assert found.ids == ids
    assert str(found) == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("all", "such as 0-3/16"),
        ("0-3", "such as 0-3/16"),
        ("/16", "such as 0-3/16"),
        ("-1/16", "such as 0-3/16"),
        ("0-3 / 16", "such as 0-3/16"),
        ("٣/16", "such as 0-3/16"),
        ("0/0", "from 1 to 16384"),
        ("0/16385", "from 1 to 16384"),
        ("3-1/16", "ends before it begins: 3-1"),
        ("0,16/16", "which is 15: 16"),
        ("0-99999/16", "which is 15: 0-99999"),
        ("0-3,2/16", "a shard twice: 2"),
    ],
)
def test_what_is_no_shards(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_shards(text)

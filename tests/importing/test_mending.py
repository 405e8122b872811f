"""The rules for sessions, one by one, and all of them against their plain definition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.entities import VoiceSession, VoiceSpan
from pwrbot.importing.mending import Facts, Row, Session, mend, without
from pwrbot.importing.rules import Rule
from tests.importing.bringing import overlaps, plain
from tools.pwr_bot_database import Session as Made

G, U = 1 << 60, 1 << 59
A, B = 1 << 58, 1 << 57
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEARTBEAT = NOON + timedelta(hours=10)
FACTS = Facts(now=NOON + timedelta(days=100), heartbeat=HEARTBEAT)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def row(join: object, leave: object, channel: object = A, *, active: object = 0) -> Row:
    return Row(G, U, channel, join, leave, active)


def kept(*rows: Row, facts: Facts = FACTS) -> list[tuple[float, float, int]]:
    hour = timedelta(hours=1)
    return [
        ((one.joined_at - NOON) / hour, (one.left_at - NOON) / hour, one.channel_id)
        for one in mend(rows, facts).sessions
    ]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (row(at(0), at(1), -5), Rule.BAD_ID),
        (row(at(0), at(1), "general"), Rule.BAD_ID),
        (row(at(0), at(1))._replace(guild_id=0), Rule.BAD_ID),
        (row(at(0), at(1))._replace(user_id=None), Rule.BAD_ID),
        (row("then", at(1)), Rule.BAD_TIME),
        (row(at(0), None), Rule.BAD_TIME),
        (row("1969-12-31T23:00:00Z", at(0)), Rule.BEFORE_DISCORD),
        (row(at(0), at(24 * 365)), Rule.IN_FUTURE),
        (row(at(24 * 365), at(24 * 366)), Rule.IN_FUTURE),
        (row(at(11), at(11), active=1), Rule.NEVER_ENDED),
        (row(at(1), at(0)), Rule.NEGATIVE),
        (row(at(1), at(1)), Rule.EMPTY),
        (row(at(0), at(24 * 60 + 1)), Rule.OVERLONG),
    ],
)
def test_what_is_left_out(wrong: Row, rule: Rule) -> None:
    good = row(at(2), at(3), B)
    mended = mend([wrong, good], FACTS)
    assert [one.row for one in mended.sessions] == [good]
    assert mended.findings == [(rule, wrong)]


def test_what_is_left_out_ends_no_other() -> None:
    assert kept(row(at(0), at(2)), row(at(1), at(1), B), row(at(1), at(0.5), B)) == [(0, 2, A)]


def test_a_session_of_60_days_is_kept() -> None:
    assert kept(row(at(-24 * 60), at(0))) == [(-24 * 60, 0, A)]


def test_a_running_session_ends_with_the_last_sign_of_life() -> None:
    running = row(at(0), at(0), active=1)
    mended = mend([running], FACTS)
    assert kept(running) == [(0, 10, A)]
    assert mended.findings == [(Rule.ENDED_BY_HEARTBEAT, running)]
    assert kept(running, facts=FACTS._replace(heartbeat=None)) == []
    assert kept(row(at(0), at(11), active=True)) == [(0, 11, A)]


def test_a_session_ends_where_the_next_one_begins() -> None:
    first, second, third = row(at(0), at(9)), row(at(2), at(4), B), row(at(3), at(5))
    mended = mend([third, first, second], FACTS)
    assert kept(third, first, second) == [(0, 2, A), (2, 3, B), (3, 5, A)]
    assert sorted(mended.findings) == sorted(
        [(Rule.ENDED_BY_NEXT, first), (Rule.ENDED_BY_NEXT, second)]
    )


def test_of_those_that_begin_together_the_longest_is_kept() -> None:
    short, long = row(at(0), at(1), B), row(at(0), at(2))
    assert kept(long, short) == [(0, 2, A)]
    assert mend([long, short], FACTS).findings == [(Rule.SAME_START, short)]


def test_touching_sessions_stay_as_they_are() -> None:
    touching = [row(at(0), at(1)), row(at(1), at(2), B), row(at(2), at(3), B)]
    assert mend(touching, FACTS).findings == []


def test_an_id_too_small_is_kept_and_told() -> None:
    small = Row(1, 2, 3, at(0), at(1), 0)
    mended = mend([small], FACTS)
    assert len(mended.sessions) == 1
    assert mended.findings == [(Rule.SMALL_ID, small)]


HOURS = st.integers(0, 12)
ROWS = st.lists(
    st.builds(
        lambda join, length, channel, active: Made(
            U, G, channel, at(join), at(join + length), active
        ),
        HOURS,
        st.integers(-1, 6),
        st.sampled_from([A, B]),
        st.booleans(),
    ),
    max_size=8,
)


@given(ROWS)
def test_the_sessions_are_those_of_the_plain_definition(made: list[Made]) -> None:
    rows = [row(one.join, one.leave, one.channel_id, active=one.active) for one in made]
    mended = mend(rows, FACTS)
    sessions = {
        VoiceSession(G, U, one.joined_at, one.channel_id, one.left_at) for one in mended.sessions
    }
    assert sessions == plain(made, HEARTBEAT, FACTS.now)
    assert overlaps(sessions) == []
    left_out = {
        Rule.NEVER_ENDED,
        Rule.NEGATIVE,
        Rule.EMPTY,
        Rule.SAME_START,
    }
    assert len(rows) == len(sessions) + sum(rule in left_out for rule, _ in mended.findings)


SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 6)), unique_by=lambda one: one[0], max_size=5
)


@given(st.integers(0, 20), st.integers(1, 8), SPANS)
def test_what_is_left_beside_those_that_are_there(
    start: int, length: int, given_spans: list[tuple[int, int]]
) -> None:
    there: list[VoiceSpan] = []
    for begin, lasting in sorted(given_spans):  # those of one member do not overlap
        if not there or at(begin) >= there[-1].ended_at:
            there.append(VoiceSpan(B, at(begin), at(begin + lasting)))
    session = Session(at(start), at(start + length), A, row(None, None))
    rest = without(session, there)
    half = [start + step / 2 + 0.25 for step in range(length * 2)]
    for hour in half:
        taken = any(span.started_at <= at(hour) < span.ended_at for span in there)
        left = sum(part.joined_at <= at(hour) < part.left_at for part in rest)
        assert left == (not taken)
    starts = {span.started_at for span in there}
    assert all(part.joined_at < part.left_at and part.joined_at not in starts for part in rest)
    again = sorted(
        [*there, *(VoiceSpan(A, part.joined_at, part.left_at) for part in rest)],
        key=lambda span: (span.started_at, span.ended_at),
    )
    assert without(session, again) == [] or any(s.started_at == s.ended_at for s in there)

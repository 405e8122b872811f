"""From a member's sessions as pwr-bot kept them to sessions that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pwrbot.entities import VoiceSpan
from pwrbot.importing.rules import DISCORD_BEGAN, LONGEST, Rule
from pwrbot.importing.values import SMALLEST_SNOWFLAKE, moment, snowflake


class Row(NamedTuple):
    """A session as pwr-bot kept it, each value as it came."""

    guild_id: object
    user_id: object
    channel_id: object
    joined: object
    left: object
    active: object


class Session(NamedTuple):
    """A session that can be true: the member was in the channel during [joined_at, left_at)."""

    joined_at: datetime
    left_at: datetime
    channel_id: int
    row: Row


class Mended(NamedTuple):
    """What became of a member's rows."""

    sessions: list[Session]
    """By their beginning; none overlaps the next."""
    findings: list[tuple[Rule, Row]]


class Facts(NamedTuple):
    """What all of a source's sessions are held against."""

    now: datetime
    heartbeat: datetime | None
    """pwr-bot's last sign of life; None where it gave none, or one in the future."""


def mend(rows: Iterable[Row], facts: Facts) -> Mended:
    """Apply the rules to the rows of one member of one server.

    Each row by itself first: what cannot be true is left out, and what still ran ends with the last
    sign of life. Then a session ends at the latest where the member's next one begins, since nobody
    is in two channels; of several that begin together, the one that ends last is kept.
    """
    findings: list[tuple[Rule, Row]] = []
    sessions: list[Session] = []
    for row in rows:
        judged = _judged(row, facts, findings)
        if isinstance(judged, Session):
            sessions.append(judged)
        else:
            findings.append((judged, row))
    sessions.sort(key=_in_order)
    apart: list[Session] = []
    following: Session | None = None
    for session in reversed(sessions):
        if following is not None and session.left_at > following.joined_at:
            if session.joined_at == following.joined_at:
                findings.append((Rule.SAME_START, session.row))
                continue
            findings.append((Rule.ENDED_BY_NEXT, session.row))
            session = session._replace(left_at=following.joined_at)
        apart.append(session)
        following = session
    apart.reverse()
    return Mended(apart, findings)


def without(session: Session, there: Sequence[VoiceSpan]) -> list[Session]:
    """What is left of a session beside those that are there already, which are in order."""
    rest: list[Session] = []
    start = session.joined_at
    for span in there:
        if span.started_at >= session.left_at:
            break
        if span.started_at > start:
            rest.append(session._replace(joined_at=start, left_at=span.started_at))
        # An empty one fills the microsecond it begins in: its key is taken.
        start = max(start, span.ended_at, span.started_at + datetime.resolution)
    if start < session.left_at:
        rest.append(session._replace(joined_at=start))
    return rest


def _judged(row: Row, facts: Facts, findings: list[tuple[Rule, Row]]) -> Session | Rule:
    """The session a row tells of, or the first rule that leaves it out."""
    ids = snowflake(row.guild_id), snowflake(row.user_id), snowflake(row.channel_id)
    channel_id = ids[2]
    if ids[0] is None or ids[1] is None or channel_id is None:
        return Rule.BAD_ID
    joined, left = moment(row.joined), moment(row.left)
    if joined is None or left is None:
        return Rule.BAD_TIME
    if joined < DISCORD_BEGAN:
        return Rule.BEFORE_DISCORD
    if joined > facts.now or left > facts.now:
        return Rule.IN_FUTURE
    if row.active:
        if facts.heartbeat is not None and facts.heartbeat > left:
            left = facts.heartbeat
        if left <= joined:
            return Rule.NEVER_ENDED
    if left < joined:
        return Rule.NEGATIVE
    if left == joined:
        return Rule.EMPTY
    if left - joined > LONGEST:
        return Rule.OVERLONG
    if row.active:
        findings.append((Rule.ENDED_BY_HEARTBEAT, row))
    if min(ids[0], ids[1], channel_id) < SMALLEST_SNOWFLAKE:
        findings.append((Rule.SMALL_ID, row))
    return Session(joined, left, channel_id, row)


def _in_order(session: Session) -> tuple[datetime, datetime, int]:
    return session.joined_at, session.left_at, session.channel_id

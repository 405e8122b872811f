"""Time in voice as members ask for it. Every duration is exact to the microsecond."""

# ruff: noqa: A002 - a range is called range, as in the commands

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.clock import Clock
from pwrbot.entities import VoiceChannelTime, VoicePartner, VoiceSpan, VoiceTotal
from pwrbot.repository import Repository
from pwrbot.services.cover import Cover, cover, months
from pwrbot.services.ranges import EPOCH, Range, bounds, day_of, day_start
from pwrbot.services.settings import SettingsService

Line = TypeVar("Line", VoiceTotal, VoicePartner, VoiceChannelTime)

PER_PAGE: Final = 10
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_LAST_PAGE: Final = 1_000_000  # beyond it nobody asks in earnest; keeps the offset a 64-bit number
_FIRST_LOOK_BACK: Final = 31  # days


class LeaderboardPage(msgspec.Struct, frozen=True):
    """A page of the members of a guild by their time in voice."""

    rows: tuple[VoiceTotal, ...]
    page: int
    """From 1; 1 where nobody is on the board."""
    pages: int
    """At least 1."""
    members: int
    """On the board in all."""
    own: VoiceTotal | None
    """The line of who asks, on whatever page; None where they have no time in the range."""
    since: datetime
    until: datetime
    range: Range
    zone: ZoneInfo


class ChannelsPage(msgspec.Struct, frozen=True):
    """A page of the channels of a guild by the time spent there by all together."""

    rows: tuple[VoiceChannelTime, ...]
    page: int
    pages: int
    channels: int
    """On the board in all."""
    since: datetime
    until: datetime
    range: Range
    zone: ZoneInfo


class PartnersPage(msgspec.Struct, frozen=True):
    """A page of the others by the time they shared a channel with one member."""

    member_id: int
    rows: tuple[VoicePartner, ...]
    page: int
    pages: int
    members: int
    since: datetime
    until: datetime
    range: Range
    zone: ZoneInfo


class MemberStats(msgspec.Struct, frozen=True):
    """One member's time in voice within a range."""

    member_id: int
    total: timedelta
    sessions: int
    """How many sessions have time in the range. A change of channel begins another."""
    days_active: int
    """Days of the server's zone with time in the range."""
    average_per_active_day: timedelta
    """Rounded down to the microsecond; zero where no day is active."""
    longest_session: timedelta
    """Of each session, the part within the range is looked at."""
    longest_stretch: timedelta
    """Without a pause; a change of channel is none. The part within the range."""
    current_streak: int
    """Days in a row with time, up to today or yesterday, whatever the range."""
    longest_streak: int
    """Days in a row with time, within the range."""
    since: datetime
    until: datetime
    range: Range
    zone: ZoneInfo


class VoiceStatistics:
    """Boards and figures of one guild. All of it raises DatabaseError."""

    def __init__(self, repository: Repository, clock: Clock, settings: SettingsService) -> None:
        self._repository = repository
        self._clock = clock
        self._settings = settings

    async def leaderboard(
        self,
        guild_id: int,
        range: Range,
        page: int = 1,
        *,
        per_page: int = PER_PAGE,
        viewer_id: int | None = None,
    ) -> LeaderboardPage:
        """A page by time, ties by user id. Below 1 is the first page, beyond the last the last."""
        since, until, zone = await self._window(guild_id, range)
        made = cover(since, until)
        own: VoiceTotal | None = None

        async def rows_of(page: int) -> list[VoiceTotal]:
            nonlocal own
            offset = (page - 1) * per_page
            rows = await self.totals(
                guild_id, made, limit=per_page, offset=offset, viewer_id=viewer_id
            )
            own = next((row for row in rows if row.user_id == viewer_id), None)
            return [row for row in rows if offset < row.place <= offset + per_page]

        page, rows = await _turned(rows_of, page, per_page)
        return LeaderboardPage(
            rows=tuple(rows),
            page=page,
            pages=_pages(rows[0].members if rows else 0, per_page),
            members=rows[0].members if rows else 0,
            own=own,
            since=since,
            until=until,
            range=range,
            zone=zone,
        )

    async def totals(
        self,
        guild_id: int,
        made: Cover,
        *,
        limit: int,
        offset: int = 0,
        least: timedelta = _MICROSECOND,
        hide_left: bool | None = None,
        viewer_id: int | None = None,
    ) -> list[VoiceTotal]:
        """Members with at least ``least`` in a range, the longest first, ties by user id.

        ``limit`` of them from ``offset`` on, and the viewer's line if that is not among them.
        ``hide_left`` leaves out, places included, who is known to have left the server; None: as
        the server chose.
        """
        if hide_left is None:
            hide_left = (await self._settings.get(guild_id)).voice.hide_left
        return await self._repository.voice_sessions.leaderboard(
            guild_id=guild_id,
            since=made.since,
            until=made.until,
            now=self._clock.now(),
            added=made.added,
            taken=made.taken,
            first_year=made.first_year,
            last_year=made.last_year,
            edges=made.edges,
            least=least,
            hide_left=hide_left,
            viewer_id=viewer_id,
            limit=limit,
            offset=offset,
        )

    async def channels(
        self, guild_id: int, range: Range, page: int = 1, *, per_page: int = PER_PAGE
    ) -> ChannelsPage:
        """A page of the channels by the time spent there by all together; pages as above."""
        since, until, zone = await self._window(guild_id, range)
        made = months(since, until)

        async def rows_of(page: int) -> list[VoiceChannelTime]:
            return await self._repository.voice_sessions.channels(
                guild_id=guild_id,
                since=since,
                until=until,
                now=until,
                first_month=made.first_month,
                last_month=made.last_month,
                days=made.days,
                edges=made.edges,
                least=_MICROSECOND,
                limit=per_page,
                offset=(page - 1) * per_page,
            )

        page, rows = await _turned(rows_of, page, per_page)
        return ChannelsPage(
            rows=tuple(rows),
            page=page,
            pages=_pages(rows[0].channels if rows else 0, per_page),
            channels=rows[0].channels if rows else 0,
            since=since,
            until=until,
            range=range,
            zone=zone,
        )

    async def partners(
        self,
        guild_id: int,
        member_id: int,
        range: Range,
        page: int = 1,
        *,
        per_page: int = PER_PAGE,
    ) -> PartnersPage:
        """A page of who shared a channel with the member, longest first; pages as above."""
        since, until, zone = await self._window(guild_id, range)

        async def rows_of(page: int) -> list[VoicePartner]:
            return await self._repository.voice_sessions.partners(
                guild_id=guild_id,
                user_id=member_id,
                since=since,
                until=until,
                now=until,
                limit=per_page,
                offset=(page - 1) * per_page,
            )

        page, rows = await _turned(rows_of, page, per_page)
        return PartnersPage(
            member_id=member_id,
            rows=tuple(rows),
            page=page,
            pages=_pages(rows[0].members if rows else 0, per_page),
            members=rows[0].members if rows else 0,
            since=since,
            until=until,
            range=range,
            zone=zone,
        )

    async def stats(self, guild_id: int, member_id: int, range: Range) -> MemberStats:
        """One member's figures, days split at midnight of the server's zone."""
        since, until, zone = await self._window(guild_id, range)
        spans = await self._spans(guild_id, member_id, since, until)
        lengths = [span.ended_at - span.started_at for span in spans]
        total = sum(lengths, timedelta())
        active = active_days(spans, zone)
        days = len(active)
        return MemberStats(
            member_id=member_id,
            total=total,
            sessions=len(spans),
            days_active=days,
            average_per_active_day=total // days if days else timedelta(),
            longest_session=max(lengths, default=timedelta()),
            longest_stretch=longest_stretch(spans),
            current_streak=await self._streak(guild_id, member_id, until, zone),
            longest_streak=longest_streak(active),
            since=since,
            until=until,
            range=range,
            zone=zone,
        )

    async def knows(self, guild_id: int, member_id: int) -> bool:
        """Whether the member has any time in the guild, but for a session that has not ended."""
        total = await self._repository.voice_member_totals.select((guild_id, 0, member_id))
        return total is not None

    async def _streak(self, guild_id: int, member_id: int, now: datetime, zone: ZoneInfo) -> int:
        """Looks back window by window, each twice as long, until a day without time is found."""
        today = now.astimezone(zone).date()
        until, look_back = now, _FIRST_LOOK_BACK
        first_day = today - timedelta(days=look_back)
        active: set[date] = set()
        while True:
            since = max(day_start(first_day, zone), EPOCH)
            active |= active_days(await self._spans(guild_id, member_id, since, until), zone)
            streak = streak_until(today, active)
            oldest = today - timedelta(days=streak)
            if oldest > first_day or since == EPOCH:
                return streak
            until, look_back = since, look_back * 2
            first_day -= timedelta(days=look_back)

    async def _spans(
        self, guild_id: int, member_id: int, since: datetime, until: datetime
    ) -> list[VoiceSpan]:
        return await self._repository.voice_sessions.spans(
            guild_id=guild_id, user_id=member_id, since=since, until=until, now=until
        )

    async def _window(self, guild_id: int, range: Range) -> tuple[datetime, datetime, ZoneInfo]:
        zone = await self._settings.zone(guild_id)
        return *bounds(range, self._clock.now(), zone), zone


def active_days(spans: Iterable[VoiceSpan], zone: ZoneInfo) -> set[date]:
    """The local days on which at least a microsecond was spent. Spans in the order they began."""
    days: set[date] = set()
    day, over = date.min, datetime.min.replace(tzinfo=UTC)  # counted last, and where that ends
    for span in spans:
        if span.ended_at <= over:
            continue
        day = day + _DAY if span.started_at < over else day_of(span.started_at, zone)
        while True:
            days.add(day)
            over = day_start(day + _DAY, zone)
            if span.ended_at <= over:
                break
            day += _DAY
    return days


def streak_until(today: date, active: set[date]) -> int:
    """How many days in a row are active, the last of them today or yesterday."""
    day = today if today in active else today - _DAY
    streak = 0
    while day in active:
        streak += 1
        day -= _DAY
    return streak


def longest_stretch(spans: Iterable[VoiceSpan]) -> timedelta:
    """The longest time without a pause. Spans in the order they began."""
    longest = timedelta()
    begun: datetime | None = None
    ended: datetime | None = None
    for span in spans:
        if begun is None or ended is None or span.started_at > ended:
            begun, ended = span.started_at, span.ended_at
        ended = max(ended, span.ended_at)
        longest = max(longest, ended - begun)
    return longest


def longest_streak(active: Collection[date]) -> int:
    """The most days in a row that are all active."""
    longest = streak = 0
    before: date | None = None
    for day in sorted(active):
        streak = streak + 1 if before is not None and day - before == _DAY else 1
        longest, before = max(longest, streak), day
    return longest


async def _turned(
    rows_of: Callable[[int], Awaitable[list[Line]]], page: int, per_page: int
) -> tuple[int, list[Line]]:
    """The page with its rows: below 1 the first, beyond the last the last."""
    page = min(max(page, 1), _LAST_PAGE)
    rows = await rows_of(page)
    if not rows and page > 1:
        first = await rows_of(1)
        page = _pages(_size(first[0]) if first else 0, per_page)
        rows = await rows_of(page)
    return page, rows


def _size(line: VoiceTotal | VoicePartner | VoiceChannelTime) -> int:
    return line.channels if isinstance(line, VoiceChannelTime) else line.members


def _pages(lines: int, per_page: int) -> int:
    return max(1, -(-lines // per_page))

"""Boards that channels get by themselves: posted on a schedule, or kept current.

A scheduled board is moved on to its next time, and notes the day it is posted for, before it is
posted: whatever happens then, however often the bot starts and in whatever time zone, no time is
posted twice. One whose hour passed while the bot was away posts once when it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec.structs import replace

from pwrbot.clock import Clock
from pwrbot.entities import VoiceBoard, VoiceBoardKind, VoiceTotal
from pwrbot.errors import PwrbotError
from pwrbot.repository import Repository, Tables
from pwrbot.repository.errors import DatabaseError
from pwrbot.services.board_times import last_day, moment_of, next_post, period_before
from pwrbot.services.cover import cover
from pwrbot.services.ranges import Range, bounds
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

MOST_BOARDS: Final = 10
"""In one server."""
LEAST_MINUTES: Final = 5
MOST_MINUTES: Final = 24 * 60
LINES: Final = 10

_AT_A_TIME: Final = 50
_BATCHES: Final = 20  # in one look
_RETRY: Final = timedelta(minutes=2)  # soon enough for Discord to know the key of the post
_AFTER_TROUBLE: Final = timedelta(hours=1)
_BEYOND: Final = timedelta(days=63)  # no month's board is further away
_LIVE_BEYOND: Final = timedelta(days=2)


class TooManyBoards(PwrbotError):
    """A server can have at most 10 boards that post themselves; remove one first."""


class Unpostable(PwrbotError):
    """The board can't be posted there."""

    # The message is the reason that the server's managers see.

    def __init__(self, reason: str, *, again: bool = False) -> None:
        """``again``: it may work soon; a post of the same key is no second one."""
        super().__init__(reason)
        self.again = again


class MessageGone(PwrbotError):
    """Somebody deleted the message."""


class PostedBoard(msgspec.Struct, frozen=True):
    """What a board says: the first of a leaderboard."""

    guild_id: int
    title: str
    rows: Sequence[VoiceTotal]
    since: datetime
    until: datetime
    zone: ZoneInfo
    key: str
    """The same for the same post, however often it is tried: it is to be there once."""
    minutes: int | None = None
    """How often a live one changes, None for one that stays as posted."""


class Poster(Protocol):
    """Discord, as far as boards need it. Raises Unpostable."""

    async def post(self, channel_id: int, board: PostedBoard) -> int:
        """Post in a channel; the id of the message, the earlier one's where the key is known."""
        ...

    async def edit(self, channel_id: int, message_id: int, board: PostedBoard) -> None:
        """Change a message. Raises MessageGone."""
        ...


class VoiceBoards:
    """The boards of all guilds. Methods raise DatabaseError."""

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        settings: SettingsService,
        statistics: VoiceStatistics,
        shards: Shards = ALL,
    ) -> None:
        self._shards = shards
        self._repository = repository
        self._clock = clock
        self._settings = settings
        self._statistics = statistics
        self._planned = False
        self._moved: set[int] = set()
        settings.on_change(self._moved.add)

    async def schedule(
        self, guild_id: int, channel_id: int, kind: VoiceBoardKind, *, hour: int, weekday: int = 0
    ) -> VoiceBoard:
        """Have a board posted each day, week or month at a local hour. Raises TooManyBoards.

        It shows the whole day, 7 days or month before. ``weekday``: 0 is Monday.
        """
        now, zone = self._clock.now(), await self._settings.zone(guild_id)
        earlier = await self._repository.voice_boards.select((guild_id, channel_id, kind))
        return await self._keep(
            VoiceBoard(
                guild_id=guild_id,
                channel_id=channel_id,
                kind=kind,
                hour=hour,
                weekday=weekday,
                look_back=Range.ALL_TIME,
                minutes=LEAST_MINUTES,
                next_at=next_post(kind, hour, weekday, now, zone),
                message_id=earlier and earlier.message_id,
                shown=last_day(kind, hour, weekday, now, zone).isoformat(),
                problem=None,
            )
        )

    async def keep_current(
        self, guild_id: int, channel_id: int, look_back: Range, minutes: int
    ) -> VoiceBoard:
        """Have one message in a channel edited, at most every so many minutes.

        One that is there already goes on in its message.
        """
        earlier = await self._repository.voice_boards.select((guild_id, channel_id, "live"))
        return await self._keep(
            VoiceBoard(
                guild_id=guild_id,
                channel_id=channel_id,
                kind="live",
                hour=0,
                weekday=0,
                look_back=look_back,
                minutes=min(max(minutes, LEAST_MINUTES), MOST_MINUTES),
                next_at=self._clock.now(),
                message_id=earlier and earlier.message_id,
                shown=None,
                problem=None,
            )
        )

    async def of_guild(self, guild_id: int) -> list[VoiceBoard]:
        """A guild's boards."""
        return await self._repository.voice_boards.of_guild(guild_id=guild_id)

    async def remove(self, guild_id: int, channel_id: int, kind: VoiceBoardKind | None) -> int:
        """Stop a channel's board of a kind, all where it is None; says how many there were."""
        removed = 0
        for board in await self.of_guild(guild_id):
            if board.channel_id == channel_id and kind in (None, board.kind):
                removed += await self._repository.voice_boards.delete(_key(board))
        return removed

    async def look(self, poster: Poster) -> int:
        """Post and edit what is due now; says how many boards were looked at."""
        await self._follow_zones()
        looked = 0
        for _ in range(_BATCHES):
            due = await self._due()
            well = [await self._look_at(board, poster) for board in due]
            looked += len(due)
            if len(due) < _AT_A_TIME or not all(well):
                break
        return looked

    async def _due(self) -> list[VoiceBoard]:
        now = self._clock.now()
        return await self._repository.voice_boards.due(
            now=now,
            beyond=now + _BEYOND,
            live_beyond=now + _LIVE_BEYOND,
            shard_count=self._shards.count,
            shard_ids=list(self._shards.ids),
            limit=_AT_A_TIME,
        )

    async def _look_at(self, board: VoiceBoard, poster: Poster) -> bool:
        """False where it failed, and is still due."""
        try:
            if board.kind == "live":
                await self._refresh(board, poster)
            else:
                await self._post(board, poster)
        except Exception:  # one board's trouble is not the others'
            log.exception("voice_board_failed")
            return False
        return True

    async def _keep(self, board: VoiceBoard) -> VoiceBoard:
        others = await self.of_guild(board.guild_id)
        if len(others) >= MOST_BOARDS and _key(board) not in {_key(other) for other in others}:
            raise TooManyBoards()
        return await self._repository.voice_boards.replace(board)

    async def _follow_zones(self) -> None:
        """Give boards that were planned by another zone their moment in the present one: after the
        start all of them, as the host's zone may have changed, then those of servers whose settings
        did."""
        if not self._planned:
            boards = await self._repository.voice_boards.select_all()
            self._moved.update(b.guild_id for b in boards if self._shards.has(b.guild_id))
            self._planned = True
        for guild_id in list(self._moved):
            self._moved.discard(guild_id)  # first: it may change again meanwhile
            try:
                await self._follow_zone(guild_id)
            except DatabaseError:
                self._moved.add(guild_id)
                raise

    async def _follow_zone(self, guild_id: int) -> None:
        now, zone = self._clock.now(), await self._settings.zone(guild_id)
        for board in await self.of_guild(guild_id):
            if board.kind == "live" or not now < board.next_at <= now + _BEYOND:
                continue  # has no hour, or is due
            then = next_post(board.kind, board.hour, board.weekday, now, zone)
            last = last_day(board.kind, board.hour, board.weekday, now, zone)
            if board.shown is not None and last.isoformat() > board.shown:
                # Not posted yet: its time passed just now, or Discord was in trouble.
                then = moment_of(last, board.hour, zone)
            if then != board.next_at:
                await self._claim(board, then)

    async def _post(self, board: VoiceBoard, poster: Poster) -> None:
        now, zone = self._clock.now(), await self._settings.zone(board.guild_id)
        then = next_post(board.kind, board.hour, board.weekday, now, zone)
        day = last_day(board.kind, board.hour, board.weekday, now, zone)
        noted = replace(board, shown=day.isoformat())
        if board.next_at > now:  # a clock that ran ahead has written it
            if await self._claim(board, then):
                await self._note(noted, board.problem)
            return
        posted = board.message_id is not None  # else it was made after its time in the zone before
        if posted and board.shown is not None and day.isoformat() <= board.shown:
            # It was the time in the zone before: in this one it is yet to come.
            await self._claim(board, then)
            return
        if await self._put_off(board, now):
            return
        since, until = period_before(board.kind, day, zone)
        meant = moment_of(day, board.hour, zone)
        titles = {"day": "yesterday", "week": "the last 7 days", "month": "last month"}
        content = await self._content(board, titles[board.kind], since, until, zone, meant)
        async with self._repository.transaction() as tx:
            # Both at once: else whoever looks in between takes the time for one not yet posted.
            if not await self._claim(board, then, tx):
                return
            await self._note(noted, board.problem, tx)
        try:
            message_id = await poster.post(board.channel_id, content)
        except Unpostable as error:
            if error.again:
                await self._claim(replace(board, next_at=then), min(now + _RETRY, then))
            await self._note(board if error.again else noted, problem=str(error))
        else:
            await self._note(replace(noted, message_id=message_id), problem=None)

    async def _refresh(self, board: VoiceBoard, poster: Poster) -> None:
        now, zone = self._clock.now(), await self._settings.zone(board.guild_id)
        then = now + timedelta(minutes=board.minutes)
        if await self._put_off(board, now):
            return
        look_back = Range(board.look_back)
        since, until = bounds(look_back, now, zone)
        what = look_back.label.lower()
        content = await self._content(board, what, since, until, zone, board.next_at)
        if not await self._claim(board, then):
            return
        shown = _told_apart(content)
        message_id = board.message_id
        if message_id is not None and shown == board.shown and board.problem is None:
            return
        try:
            if message_id is not None:
                try:
                    await poster.edit(board.channel_id, message_id, content)
                except MessageGone:
                    message_id = None
            if message_id is None:
                message_id = await poster.post(board.channel_id, content)
        except Unpostable as error:
            await self._claim(replace(board, next_at=then), max(then, now + _AFTER_TROUBLE))
            await self._note(replace(board, message_id=message_id), problem=str(error))
        else:
            await self._note(replace(board, message_id=message_id, shown=shown), problem=None)

    async def _put_off(self, board: VoiceBoard, now: datetime) -> bool:
        """Until later while a reset or an undo is under way: totals are half taken or put back."""
        if not await self._repository.voice_removals.under_way(guild_id=board.guild_id):
            return False
        await self._claim(board, now + _RETRY)
        return True

    async def _content(
        self,
        board: VoiceBoard,
        what: str,
        since: datetime,
        until: datetime,
        zone: ZoneInfo,
        meant: datetime,
    ) -> PostedBoard:
        rows = await self._statistics.totals(board.guild_id, cover(since, until), limit=LINES)
        return PostedBoard(
            guild_id=board.guild_id,
            title=f"Voice leaderboard: {what}",
            rows=rows,
            since=since,
            until=until,
            zone=zone,
            key=f"{board.guild_id} {board.channel_id} {board.kind} {meant.isoformat()}",
            minutes=board.minutes if board.kind == "live" else None,
        )

    async def _claim(self, board: VoiceBoard, then: datetime, tx: Tables | None = None) -> bool:
        claimed = await (tx or self._repository).voice_boards.claim(
            guild_id=board.guild_id,
            channel_id=board.channel_id,
            kind=board.kind,
            next_at=board.next_at,
            then_at=then,
        )
        return bool(claimed)

    async def _note(self, board: VoiceBoard, problem: str | None, tx: Tables | None = None) -> None:
        await (tx or self._repository).voice_boards.note(
            guild_id=board.guild_id,
            channel_id=board.channel_id,
            kind=board.kind,
            message_id=board.message_id,
            shown=board.shown,
            problem=problem,
        )


def _told_apart(content: PostedBoard) -> str:
    """Changes where what is shown changes: minutes are the least that is, and the day it begins."""
    day = content.since.astimezone(content.zone).date()
    rows = (f"{row.user_id}:{row.total // timedelta(minutes=1)}" for row in content.rows)
    return " ".join((content.title, str(day), *rows))


def _key(board: VoiceBoard) -> tuple[int, int, str]:
    return board.guild_id, board.channel_id, board.kind

"""Members' names and avatars, and who has left, without the members intent.

What the cache lacks Discord is asked for: by its gateway, which tells of many at once and needs no
privileged intent, and for those whom that does not know one by one, for somebody counts as having
left only where Discord says so of them. Who left is remembered in the database, by their name.
https://discord.com/developers/docs/events/gateway-events#request-guild-members
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import discord
import msgspec
import structlog
from msgspec.structs import replace

from pwrbot.clock import Clock
from pwrbot.entities import VoiceDeparture
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

SECONDS: Final = 1.0
"""How long an answer waits for names; those that come later are there the next time."""

_AT_MOST: Final = 100  # members in one question
_ONE_BY_ONE: Final = 10  # members in one answer
_UNDER_WAY: Final = 50
_REMEMBERED: Final = 20_000
_FRESH: Final = timedelta(minutes=10)
_SWEPT: Final = 10  # members a minute
_SWEPT_AFTER: Final = timedelta(hours=1)

_UNKNOWN_MEMBER, _UNKNOWN_USER = 10007, 10013
_TROUBLE = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    RuntimeError,  # no connection to ask on
)


class Person(msgspec.Struct, frozen=True):
    """Somebody as a server knows them."""

    name: str
    avatar_url: str | None = None
    """None for who has none of their own, or is not known."""
    left: bool = False
    """Whether Discord said that they are no member any more."""


class People:
    """The members of every server, as far as they were asked for."""

    def __init__(
        self,
        client: discord.Client,
        repository: Repository,
        clock: Clock,
        shards: Shards = ALL,
        seconds: float = SECONDS,
    ) -> None:
        self._client = client
        self._repository = repository
        self._clock = clock
        self._shards = shards
        self._seconds = seconds
        self._known: OrderedDict[tuple[int, int], tuple[Person, datetime]] = OrderedDict()
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, guild_id: int, user_ids: Iterable[int]) -> dict[int, Person]:
        """Everybody asked for, within a second or so; who stays unknown is "Member" and the end of
        their number, and counts as there. Raises DatabaseError."""
        wanted = list(dict.fromkeys(user_ids))
        guild = self._client.get_guild(guild_id)
        if guild is not None and not guild.unavailable:
            missing = [each for each in wanted if self._recall(guild, each) is None]
            if missing:
                await self._within(self._ask(guild, missing))
        found = {each: self._recall(guild, each) for each in wanted}
        unknown = [each for each, who in found.items() if who is None]
        if unknown:
            rows = await self._repository.voice_departures.among(
                guild_id=guild_id, user_ids=unknown
            )
            found |= {row.user_id: _of_the_past(row) for row in rows}
        return {each: who or _unknown(each) for each, who in found.items()}

    async def left(self, guild_id: int, user_id: int) -> None:
        """Remember that a member has left, as Discord just said. Raises DatabaseError."""
        row = await self._repository.voice_departures.select((guild_id, user_id))
        if row is not None:
            row = replace(row, checked_at=self._clock.now())
            who = _of_the_past(row)
        else:
            user = await self._account(user_id)
            row = VoiceDeparture(guild_id, user_id, user and user.display_name, self._clock.now())
            who = _unknown(user_id) if user is None else person(user)
        await self._repository.voice_departures.replace(row)
        self._learn(guild_id, user_id, replace(who, left=True))

    async def sweep(self) -> None:
        """Look at a few of those who left: somebody may be back. Raises DatabaseError."""
        await self._repository.voice_departures.forget_returned()
        for row in await self._repository.voice_departures.oldest(
            shard_count=self._shards.count, shard_ids=list(self._shards.ids), limit=_SWEPT
        ):
            now = self._clock.now()
            if timedelta() <= now - row.checked_at <= _SWEPT_AFTER:
                continue
            # To the end of the line, whatever comes of it: also of a server the bot is not in.
            await self._repository.voice_departures.update(replace(row, checked_at=now))
            guild = self._client.get_guild(row.guild_id)
            if guild is not None:
                await self._look_up(guild, row.user_id)

    def close(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    def _recall(self, guild: discord.Guild | None, user_id: int) -> Person | None:
        if guild is None:
            return None
        member = guild.get_member(user_id)
        if member is not None:
            return person(member)
        found, at = self._known.get((guild.id, user_id), (None, None))
        fresh = at is not None and timedelta() <= self._clock.now() - at < _FRESH
        return found if fresh else None

    async def _within(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._asking) >= _UNDER_WAY:
            work.close()
            return
        task = asyncio.create_task(work, name="people")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        # Left to itself when the time is up: what it finds is for the next answer.
        await asyncio.wait((task,), timeout=self._seconds)

    async def _ask(self, guild: discord.Guild, user_ids: Sequence[int]) -> None:
        try:
            absent: list[int] = []
            for start in range(0, len(user_ids), _AT_MOST):
                part = list(user_ids[start : start + _AT_MOST])
                members = await guild.query_members(user_ids=part, limit=_AT_MOST, cache=False)
                for member in members:
                    self._learn(guild.id, member.id, person(member))
                here = {member.id for member in members}
                await self._returned(guild.id, here)
                absent += [each for each in part if each not in here]
            await asyncio.gather(*(self._look_up(guild, each) for each in absent[:_ONE_BY_ONE]))
        except (*_TROUBLE, DatabaseError) as error:
            log.debug("members_not_told", error=type(error).__name__)

    async def _look_up(self, guild: discord.Guild, user_id: int) -> None:
        try:
            member = await guild.fetch_member(user_id)
        except discord.NotFound as error:
            if is_gone(error):
                await self.left(guild.id, user_id)
        except _TROUBLE as error:
            log.debug("member_not_looked_up", error=type(error).__name__)
        else:
            self._learn(guild.id, user_id, person(member))
            await self._returned(guild.id, [user_id])

    async def _returned(self, guild_id: int, user_ids: Iterable[int]) -> None:
        found = await self._repository.voice_departures.among(
            guild_id=guild_id, user_ids=list(user_ids)
        )
        for row in found:
            await self._repository.voice_departures.delete((guild_id, row.user_id))

    async def _account(self, user_id: int) -> discord.User | None:
        try:
            return self._client.get_user(user_id) or await self._client.fetch_user(user_id)
        except _TROUBLE:
            return None

    def _learn(self, guild_id: int, user_id: int, found: Person) -> None:
        self._known[guild_id, user_id] = (found, self._clock.now())
        self._known.move_to_end((guild_id, user_id))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def person(user: discord.User | discord.Member) -> Person:
    """The name and the avatar that others see; no avatar where it is one of Discord's own."""
    avatar = user.guild_avatar if isinstance(user, discord.Member) else None
    avatar = avatar or user.avatar
    url = None if avatar is None else avatar.replace(size=128, format="png").url
    return Person(user.display_name, url)


def is_gone(error: discord.NotFound) -> bool:
    """Whether Discord says that the member is none any more, not that something else is missing."""
    return error.code in (_UNKNOWN_MEMBER, _UNKNOWN_USER)


def _of_the_past(row: VoiceDeparture) -> Person:
    return Person(row.name or _unknown(row.user_id).name, left=True)


def _unknown(user_id: int) -> Person:
    return Person(f"Member {user_id % 10_000:04}")

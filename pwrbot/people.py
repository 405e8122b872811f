"""Members' names and avatars, without the members intent: from the cache, else Discord is asked.

Asking for members by id needs no privileged intent:
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

from pwrbot.clock import Clock

log = structlog.get_logger(__name__)

SECONDS: Final = 1.0
"""How long an answer waits for names; those that come later are there the next time."""

_AT_MOST: Final = 100  # members in one question
_LEFT_AT_MOST: Final = 10  # of those who left, in one answer: each is a request of its own
_UNDER_WAY: Final = 50
_REMEMBERED: Final = 20_000
_FRESH: Final = timedelta(minutes=10)


class Person(msgspec.Struct, frozen=True):
    """Somebody as a server knows them."""

    name: str
    avatar_url: str | None = None
    """None for who has none of their own, or is not known."""
    left: bool = False
    """Whether Discord said that they are no member any more."""


class People:
    """The members of every server, as far as they were asked for."""

    def __init__(self, client: discord.Client, clock: Clock, seconds: float = SECONDS) -> None:
        self._client = client
        self._clock = clock
        self._seconds = seconds
        self._known: OrderedDict[tuple[int, int], tuple[Person, datetime]] = OrderedDict()
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, guild_id: int, user_ids: Iterable[int]) -> dict[int, Person]:
        """Everybody asked for, within a second or so; who stays unknown is "Member" and the end of
        their number. Never raises."""
        wanted = list(dict.fromkeys(user_ids))
        guild = self._client.get_guild(guild_id)
        if guild is not None:
            missing = [each for each in wanted if self._recall(guild, each) is None]
            if missing:
                await self._within(self._ask(guild, missing))
        return {each: self._recall(guild, each) or _unknown(each) for each in wanted}

    def _recall(self, guild: discord.Guild | None, user_id: int) -> Person | None:
        member = guild.get_member(user_id) if guild is not None else None
        if guild is None or member is not None:
            return None if member is None else person(member)
        found, at = self._known.get((guild.id, user_id), (None, None))
        return found if at is not None and self._clock.now() - at < _FRESH else None

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
            left: list[int] = []
            for start in range(0, len(user_ids), _AT_MOST):
                part = list(user_ids[start : start + _AT_MOST])
                members = await guild.query_members(user_ids=part, limit=_AT_MOST, cache=False)
                for member in members:
                    self._learn(guild.id, member.id, person(member))
                found = {member.id for member in members}
                left += [each for each in part if each not in found]
            for user_id in left:
                self._learn(
                    guild.id, user_id, msgspec.structs.replace(_unknown(user_id), left=True)
                )
            for user_id in left[:_LEFT_AT_MOST]:
                user = self._client.get_user(user_id) or await self._client.fetch_user(user_id)
                self._learn(guild.id, user_id, msgspec.structs.replace(person(user), left=True))
        except (
            discord.DiscordException,
            aiohttp.ClientError,
            OSError,
            TimeoutError,
            RuntimeError,  # no connection to ask on
        ) as error:
            log.debug("members_not_told", error=type(error).__name__)

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


def _unknown(user_id: int) -> Person:
    return Person(f"Member {user_id % 10_000:04}")

"""What services need of Discord: who is a member, roles given and taken, boards posted.

Without the members intent nobody tells who left: Discord is asked for one member at a time, little
and late, and what it said is remembered.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import aiohttp
import discord
import msgspec
import structlog

from pwrbot.entities import VoiceDeparture
from pwrbot.services.voice_boards import MessageGone, PostedBoard, Unpostable
from pwrbot.services.voice_rewards import ROLE_DELETED, MemberGone, Membership, RoleTrouble
from pwrbot.shards import ALL, Shards
from pwrbot.views.posted import posted_board
from pwrbot.views.wording import mention, plain

if TYPE_CHECKING:
    from pwrbot.bot import Bot

log = structlog.get_logger(__name__)

ANSWER_WITHIN: Final = 1.5
"""Seconds that an answer waits for Discord to say who has left."""

_REMEMBERED: Final = 50_000  # members
_BELIEVED: Final = timedelta(hours=1)
_SWEPT: Final = 10  # members a minute

_UNKNOWN_CHANNEL, _UNKNOWN_MEMBER, _UNKNOWN_MESSAGE = 10003, 10007, 10008
_UNKNOWN_ROLE, _UNKNOWN_USER = 10011, 10013
_LINE_BROKE = (aiohttp.ClientError, OSError, TimeoutError)
_TROUBLE = (discord.HTTPException, *_LINE_BROKE)


class Names(msgspec.Struct, frozen=True):
    """Members as boards show them."""

    shown: dict[int, str]
    """Markdown that pings nobody, for each id that was asked for."""
    news: bool
    """Whether somebody was found only now to have left."""


class DiscordGuilds:
    """The guilds the bot is in. Its methods for services raise what those name."""

    def __init__(self, bot: Bot, shards: Shards = ALL) -> None:
        self._shards = shards
        self._bot = bot
        self._seen: OrderedDict[tuple[int, int], datetime] = OrderedDict()

    # Who is here

    async def names(
        self, guild_id: int, user_ids: Sequence[int], *, within: float = ANSWER_WITHIN
    ) -> Names:
        """Members by mention; those who left by the name of their account, and as such.

        Waits ``within`` seconds at most for Discord; whom it has not told of by then counts as
        there. Raises DatabaseError.
        """
        news = await self._ask(
            guild_id, [u for u in user_ids if self._doubtful(guild_id, u)], within
        )
        departures = await self._bot.repository.voice_departures.among(
            guild_id=guild_id, user_ids=list(user_ids)
        )
        shown = {user_id: mention(user_id) for user_id in user_ids}
        shown |= {row.user_id: _of_the_past(row) for row in departures}
        return Names(shown, news)

    async def sweep(self) -> None:
        """Look at a few of those who left: somebody may be back. Raises DatabaseError."""
        departures = self._bot.repository.voice_departures
        await departures.forget_returned()
        for row in await departures.oldest(
            shard_count=self._shards.count, shard_ids=list(self._shards.ids), limit=_SWEPT
        ):
            if self._now() - row.checked_at > _BELIEVED or row.checked_at > self._now():
                await self._look_up(row.guild_id, row.user_id)

    def _doubtful(self, guild_id: int, user_id: int) -> bool:
        guild = self._bot.get_guild(guild_id)
        if guild is None or guild.unavailable or guild.get_member(user_id) is not None:
            return False
        seen = self._seen.get((guild_id, user_id))
        return seen is None or not timedelta() <= self._now() - seen < _BELIEVED

    async def _ask(self, guild_id: int, user_ids: Sequence[int], within: float) -> bool:
        if not user_ids:
            return False
        tasks = [asyncio.create_task(self._look_up(guild_id, user_id)) for user_id in user_ids]
        try:
            done, _ = await asyncio.wait(tasks, timeout=within)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return any(task.result() for task in done)

    async def _look_up(self, guild_id: int, user_id: int) -> bool:
        """Ask Discord whether a member is there. True where they were found to have left."""
        try:
            await self._bot.http.get_member(guild_id, user_id)
        except discord.NotFound as error:
            if error.code not in (_UNKNOWN_MEMBER, _UNKNOWN_USER):
                return False
            return await self._left(guild_id, user_id)
        except _TROUBLE as error:
            log.debug("member_not_looked_up", error=type(error).__name__)
            return False
        await self._bot.repository.voice_departures.delete((guild_id, user_id))
        self._remember(guild_id, user_id)
        return False

    async def _left(self, guild_id: int, user_id: int) -> bool:
        departures = self._bot.repository.voice_departures
        known = await departures.select((guild_id, user_id))
        name = known.name if known is not None else await self._name(user_id)
        await departures.replace(VoiceDeparture(guild_id, user_id, name, self._now()))
        self._remember(guild_id, user_id)
        return known is None

    async def _name(self, user_id: int) -> str | None:
        try:
            user = await self._bot.fetch_user(user_id)
        except _TROUBLE:
            return None
        return user.display_name

    def _remember(self, guild_id: int, user_id: int) -> None:
        self._seen[guild_id, user_id] = self._now()
        self._seen.move_to_end((guild_id, user_id))
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _now(self) -> datetime:
        return self._bot.clock.now()

    # Roles

    def obstacle(self, guild_id: int, role_id: int) -> str | None:
        """Why the bot can't give this role, by what it knows; None: it can."""
        guild = self._bot.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return "The server can't be reached at the moment."
        role = guild.get_role(role_id)
        if role is None:
            return ROLE_DELETED
        if role.is_default() or role.managed:
            return "Nobody can give that role: it belongs to everyone or to an app."
        if not guild.me.guild_permissions.manage_roles:
            return "I need the permission Manage Roles."
        if role >= guild.me.top_role:
            return "The role stands above mine: move mine above it in the server's settings."
        return None

    async def member(self, guild_id: int, user_id: int) -> Membership:
        """A member as Discord has them now. Raises MemberGone, RoleTrouble."""
        try:
            data = await self._bot.http.get_member(guild_id, user_id)
        except discord.NotFound as error:
            if error.code in (_UNKNOWN_MEMBER, _UNKNOWN_USER):
                await self._left(guild_id, user_id)
                raise MemberGone from None
            raise _role_trouble(error) from None
        except _TROUBLE as error:
            raise _role_trouble(error) from None
        roles = frozenset(int(role) for role in data["roles"])
        return Membership(roles, discord.utils.parse_time(data.get("joined_at")))

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Give a role. Raises MemberGone, RoleTrouble."""
        await self._change(guild_id, user_id, role_id, given=True)

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Take a role back. Raises MemberGone, RoleTrouble."""
        await self._change(guild_id, user_id, role_id, given=False)

    async def _change(self, guild_id: int, user_id: int, role_id: int, *, given: bool) -> None:
        http = self._bot.http
        try:
            if given:
                await http.add_role(guild_id, user_id, role_id, reason="Time in voice")
            else:
                await http.remove_role(guild_id, user_id, role_id, reason="Time in voice")
        except discord.NotFound as error:
            if error.code in (_UNKNOWN_MEMBER, _UNKNOWN_USER):
                await self._left(guild_id, user_id)
                raise MemberGone from None
            raise _role_trouble(error) from None
        except _TROUBLE as error:
            raise _role_trouble(error) from None

    # Boards

    async def post(self, channel_id: int, board: PostedBoard) -> int:
        """Post a board; the id of the message. Raises Unpostable."""
        channel = self._channel(board.guild_id, channel_id)
        view = posted_board(board, await self._shown(board))
        nonce = hashlib.blake2b(board.key.encode(), digest_size=12).hexdigest()
        try:
            try:
                return (await channel.send(view=view, nonce=nonce)).id
            except _LINE_BROKE:
                # It may have been posted: for a nonce that Discord knows it gives that message.
                return (await channel.send(view=view, nonce=nonce)).id
        except _TROUBLE as error:
            raise _unpostable(error) from None

    async def edit(self, channel_id: int, message_id: int, board: PostedBoard) -> None:
        """Change a posted board. Raises MessageGone, Unpostable."""
        channel = self._channel(board.guild_id, channel_id)
        view = posted_board(board, await self._shown(board))
        try:
            await channel.get_partial_message(message_id).edit(view=view)
        except discord.NotFound as error:
            if error.code == _UNKNOWN_MESSAGE:
                raise MessageGone from None
            raise _unpostable(error) from None
        except _TROUBLE as error:
            raise _unpostable(error) from None

    async def _shown(self, board: PostedBoard) -> dict[int, str]:
        return (await self.names(board.guild_id, [row.user_id for row in board.rows])).shown

    def _channel(
        self, guild_id: int, channel_id: int
    ) -> discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread:
        guild = self._bot.get_guild(guild_id)
        if guild is None:
            raise Unpostable("I am not in this server any more.")
        if guild.unavailable:
            raise Unpostable("The server can't be reached at the moment.", again=True)
        channel = guild.get_channel_or_thread(channel_id)
        if channel is None:
            raise Unpostable("The channel was deleted.")
        if isinstance(channel, discord.ForumChannel | discord.CategoryChannel):
            raise Unpostable("That channel takes no messages.")
        return channel


def _of_the_past(row: VoiceDeparture) -> str:
    return f"{plain(row.name)} (left the server)" if row.name else "Someone who left the server"


def _role_trouble(error: BaseException) -> RoleTrouble:
    status = getattr(error, "status", 0)
    if getattr(error, "code", None) == _UNKNOWN_ROLE:
        return RoleTrouble(ROLE_DELETED, unchanged=True)
    if status == 403:
        return RoleTrouble(
            "Discord refused: I need Manage Roles, and a role above the one I give.", unchanged=True
        )
    return RoleTrouble("Discord can't be reached, or is in trouble.")


def _unpostable(error: BaseException) -> Unpostable:
    status = getattr(error, "status", 0)
    if getattr(error, "code", None) == _UNKNOWN_CHANNEL:
        return Unpostable("The channel was deleted.")
    if status == 403:
        return Unpostable("I may not see the channel, or not send messages there.")
    again = status >= 429 or isinstance(error, _LINE_BROKE)
    return Unpostable("Discord can't be reached, or is in trouble.", again=again)

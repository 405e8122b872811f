"""What services need of Discord: roles given and taken, boards posted."""

from __future__ import annotations

import aiohttp
import discord

from pwrbot.nonces import nonce
from pwrbot.people import People, is_gone
from pwrbot.services.voice_boards import MessageGone, PostedBoard, Unpostable
from pwrbot.services.voice_rewards import ROLE_DELETED, MemberGone, Membership, RoleTrouble
from pwrbot.views.posted import posted_board
from pwrbot.views.wording import named

_UNKNOWN_CHANNEL, _UNKNOWN_MESSAGE, _UNKNOWN_ROLE = 10003, 10008, 10011
_LINE_BROKE = (aiohttp.ClientError, OSError, TimeoutError)
_TROUBLE = (discord.HTTPException, *_LINE_BROKE)


class DiscordGuilds:
    """The guilds the bot is in. Its methods for services raise what those name."""

    def __init__(self, client: discord.Client, people: People) -> None:
        self._client = client
        self._people = people

    def ids(self) -> frozenset[int]:
        """All of them by what each shard said when it connected, and since: an outage, of a server
        or of the connection, takes none away."""
        return frozenset(guild.id for guild in self._client.guilds)

    # Roles

    def obstacle(self, guild_id: int, role_id: int) -> str | None:
        """Why the bot can't give this role, by what it knows; None: it can."""
        guild = self._client.get_guild(guild_id)
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
            data = await self._client.http.get_member(guild_id, user_id)
        except discord.NotFound as error:
            if is_gone(error):
                await self._people.left(guild_id, user_id)
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
        http = self._client.http
        try:
            if given:
                await http.add_role(guild_id, user_id, role_id, reason="Time in voice")
            else:
                await http.remove_role(guild_id, user_id, role_id, reason="Time in voice")
        except discord.NotFound as error:
            if is_gone(error):
                await self._people.left(guild_id, user_id)
                raise MemberGone from None
            raise _role_trouble(error) from None
        except _TROUBLE as error:
            raise _role_trouble(error) from None

    # Boards

    async def post(self, channel_id: int, board: PostedBoard) -> int:
        """Post a board; the id of the message. Raises Unpostable."""
        channel = self._channel(board.guild_id, channel_id)
        view = posted_board(board, await self._shown(board))
        known_by = nonce(board.key.encode())
        try:
            try:
                return (await channel.send(view=view, nonce=known_by)).id
            except _LINE_BROKE:
                # It may have been posted: for a nonce that Discord knows it gives that message.
                return (await channel.send(view=view, nonce=known_by)).id
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
        people = await self._people.of(board.guild_id, [row.user_id for row in board.rows])
        return {user_id: named(user_id, who) for user_id, who in people.items()}

    def _channel(
        self, guild_id: int, channel_id: int
    ) -> discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread:
        guild = self._client.get_guild(guild_id)
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

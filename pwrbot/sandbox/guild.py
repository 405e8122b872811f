"""A guild that tells the bot what happens in it, as Discord does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pwrbot.sandbox import payloads
from pwrbot.sandbox.errors import SandboxError
from pwrbot.sandbox.model import (
    START,
    Channel,
    ChannelKind,
    GuildState,
    Member,
    Role,
    Snowflakes,
    User,
)

Json = dict[str, Any]
Who = Member | User | str | int
Where = Channel | str | int

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_VOICE_STATES = 1 << 7
GUILD_MESSAGES = 1 << 9
DIRECT_MESSAGES = 1 << 12
PRIVILEGED_INTENTS = (1 << 1) | (1 << 8) | (1 << 15)


class Dispatch(Protocol):
    """What sends an event: to the guild's shard, to sessions that asked for any of the intents."""

    async def __call__(
        self, event: str, data: Json | Callable[[int], Json], *, guild_id: int | None, intents: int
    ) -> None: ...


class Guild(GuildState):
    """Async methods change the state and send the event; ``silent=True`` is an event that got lost.

    Members and channels are given as objects, by name or by id.
    """

    def __init__(
        self, ids: Snowflakes, name: str, bot: User, users: dict[int, User], dispatch: Dispatch
    ) -> None:
        super().__init__(ids, name, bot, START)
        self._users = users
        self._dispatch = dispatch
        owner = self.add_member(f"owner of {name}")
        self.owner_id = owner.id

    @property
    def owner(self) -> Member:
        return self.members[self.owner_id]

    def add_member(
        self,
        name: str,
        *,
        bot: bool = False,
        roles: list[Role] | None = None,
        nick: str | None = None,
        permissions: int = 0,
    ) -> Member:
        """A new account that is a member; ``permissions`` gives it a role of its own with them."""
        user = User(self._ids.next(), name, bot)
        self._users[user.id] = user
        granted = list(roles or [])
        if permissions:
            granted.append(self.add_role(f"{name}'s role", permissions))
        return self.enroll(user, granted, nick)

    # Voice

    async def join(self, who: Who, where: Where, *, silent: bool = False, **flags: bool) -> Member:
        """Into a voice channel, or from one to another. Flags: self_mute, self_deaf, mute, deaf,
        suppress."""
        member = self.place(who, where, **flags)
        await self._voice(member, silent)
        return member

    async def move(self, who: Who, where: Where, *, silent: bool = False, **flags: bool) -> Member:
        return await self.join(who, where, silent=silent, **flags)

    async def leave(self, who: Who, *, silent: bool = False) -> Member:
        member = self.place(who, None)
        await self._voice(member, silent)
        return member

    async def mute(self, who: Who, muted: bool = True, *, server: bool = False) -> Member:
        """Mute (or unmute) oneself, or be muted by the server."""
        return await self.flag(who, **{"mute" if server else "self_mute": muted})

    async def deafen(self, who: Who, deafened: bool = True, *, server: bool = False) -> Member:
        """Deafen (or undeafen) oneself, or be deafened by the server."""
        return await self.flag(who, **{"deaf" if server else "self_deaf": deafened})

    async def suppress(self, who: Who, suppressed: bool = True) -> Member:
        """Send to (or bring back from) the audience of a stage."""
        return await self.flag(who, suppress=suppressed)

    async def flag(self, who: Who, *, silent: bool = False, **flags: bool) -> Member:
        """Change any flags of a voice state; the member must be in a voice channel."""
        member = self.member(who)
        if member.voice is None:
            raise SandboxError(f"{member.display_name} is in no voice channel.")
        self.place(member, member.voice.channel, **flags)
        await self._voice(member, silent)
        return member

    async def resend_voice_state(self, who: Who) -> None:
        """Send a voice state again unchanged, as Discord does after it reconnects."""
        await self._voice(self.member(who), silent=False)

    async def _voice(self, member: Member, silent: bool) -> None:
        if not silent:
            state = payloads.voice_state(member)
            await self._tell("VOICE_STATE_UPDATE", state, GUILD_VOICE_STATES)

    # Members, roles, channels, settings

    async def remove_member(self, who: Who, *, silent: bool = False) -> Member:
        """The member leaves the guild (and its voice channel)."""
        member = self.member(who)
        if member.voice is not None:
            await self.leave(member, silent=silent)
        member.present = False
        if not silent:
            body = {"guild_id": str(self.id), "user": payloads.user(member.user)}
            await self._tell("GUILD_MEMBER_REMOVE", body, GUILD_MEMBERS)
        return member

    async def give_role(self, who: Who, role: Role, *, given: bool = True) -> None:
        """Give a role or take it away; the members intent hears of it, all of the bot's own."""
        member = self.member(who)
        others = [held for held in member.roles if held is not role]
        member.roles = [*others, role] if given else others
        body = {"guild_id": str(self.id), **payloads.member(member)}
        intents = GUILDS | GUILD_MEMBERS if member is self.me else GUILD_MEMBERS
        await self._tell("GUILD_MEMBER_UPDATE", body, intents)

    async def set_afk_channel(self, where: Where | None) -> None:
        self.afk_channel = None if where is None else self.channel(where)
        await self._tell("GUILD_UPDATE", payloads.guild(self), GUILDS)

    async def create_channel(self, name: str, kind: ChannelKind = "text") -> Channel:
        channel = self.add_channel(name, kind)
        await self._tell("CHANNEL_CREATE", payloads.channel(channel), GUILDS)
        return channel

    async def delete_channel(self, where: Where) -> Channel:
        """Delete a channel; whoever was in it leaves first."""
        channel = self.channel(where)
        for member in channel.occupants:
            await self.leave(member)
        del self.channels[channel.id]
        if self.afk_channel is channel:
            await self.set_afk_channel(None)
        await self._tell("CHANNEL_DELETE", payloads.channel(channel), GUILDS)
        return channel

    async def create_role(self, name: str, permissions: int = 0) -> Role:
        role = self.add_role(name, permissions)
        await self._tell("GUILD_ROLE_CREATE", self._role(role), GUILDS)
        return role

    async def change_role(self, role: Role, permissions: int) -> None:
        role.permissions = permissions
        await self._tell("GUILD_ROLE_UPDATE", self._role(role), GUILDS)

    async def delete_role(self, role: Role) -> None:
        del self.roles[role.id]
        for member in self.members.values():
            member.roles = [held for held in member.roles if held is not role]
        body = {"guild_id": str(self.id), "role_id": str(role.id)}
        await self._tell("GUILD_ROLE_DELETE", body, GUILDS)

    def _role(self, role: Role) -> Json:
        return {"guild_id": str(self.id), "role": payloads.role(role)}

    # The guild as a whole

    async def make_unavailable(self) -> None:
        """An outage: the guild goes away and what happens in it meanwhile is not told."""
        await self._tell("GUILD_DELETE", {"id": str(self.id), "unavailable": True}, GUILDS)
        self.available = False

    async def make_available(self) -> None:
        """The end of an outage: GUILD_CREATE with the state as it is now."""
        self.available = True
        await self._tell("GUILD_CREATE", lambda i: self.created(i, joined=False), GUILDS)

    async def remove_bot(self) -> None:
        """The bot is removed from the guild."""
        await self._tell("GUILD_DELETE", {"id": str(self.id)}, GUILDS)
        self.bot_present = self.me.present = False
        self.me.voice = None

    async def add_bot(self) -> None:
        """The bot is added to the guild."""
        self.bot_present = self.me.present = True
        await self._tell("GUILD_CREATE", lambda i: self.created(i, joined=True), GUILDS)

    def created(self, intents: int, *, joined: bool) -> Json:
        """The GUILD_CREATE of this moment for a session with these intents."""
        return payloads.guild_create(
            self,
            voice=bool(intents & GUILD_VOICE_STATES),
            all_members=bool(intents & GUILD_MEMBERS),
            joined=joined,
        )

    async def _tell(self, event: str, data: Json | Callable[[int], Json], intents: int) -> None:
        if self.bot_present and self.available:
            await self._dispatch(event, data, guild_id=self.id, intents=intents)

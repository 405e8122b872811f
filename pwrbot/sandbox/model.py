"""What the stand-in knows: users, guilds, members, channels, roles and who is in which channel.

Everything here is plain state; ``guild.py`` adds the events that Discord would send.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pwrbot.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pwrbot.sandbox.guild import Guild

DISCORD_EPOCH_MS = 1_420_070_400_000

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
MANAGE_ROLES = 1 << 28
ALL_PERMISSIONS = (1 << 53) - 1
EVERYONE_PERMISSIONS = 0x0000_0048_0636_CDC1
"""View, send (in threads too), embed, attach, history, reactions, connect, speak: what a new server
gives @everyone."""

ChannelKind = Literal["text", "dm", "voice", "category", "news", "thread", "stage", "forum"]
CHANNEL_TYPES: dict[ChannelKind, int] = {
    "text": 0,
    "dm": 1,
    "voice": 2,
    "category": 4,
    "news": 5,
    "thread": 11,
    "stage": 13,
    "forum": 15,
}


class Snowflakes:
    """Discord's ids: the time of creation in milliseconds, shifted left by 22 bits.

    ``next()`` gives the same ids in every run, a millisecond apart from a fixed start, so that
    guilds fall on different shards; ``now()`` gives ids of this moment, for what a client dates
    by its id (messages, interactions).
    """

    def __init__(self, start: datetime) -> None:
        self._milliseconds = int(start.timestamp() * 1000) - DISCORD_EPOCH_MS
        self._increment = itertools.count()

    def next(self) -> int:
        self._milliseconds += 1
        return self._milliseconds << 22

    def now(self) -> int:
        milliseconds = int(time.time() * 1000) - DISCORD_EPOCH_MS
        return (milliseconds << 22) | (1 << 17) | (next(self._increment) & 0xFFF)


@dataclass(eq=False)
class User:
    """An account. ``dms_closed``: it accepts no direct messages from the bot (50007)."""

    id: int
    name: str
    bot: bool = False
    global_name: str | None = None
    dms_closed: bool = False
    avatar: str | None = None
    """The hash in its avatar's address."""

    @property
    def display_name(self) -> str:
        return self.global_name or self.name


@dataclass(eq=False)
class Role:
    id: int
    name: str
    permissions: int = 0
    position: int = 1


@dataclass(eq=False)
class Channel:
    """A channel. ``denied``: the bot may not write there (50013)."""

    id: int
    name: str
    kind: ChannelKind
    guild: Guild | None = None
    position: int = 0
    parent_id: int | None = None
    recipient: User | None = None
    denied: bool = False
    archived: bool = False
    """Of a thread: sending there brings it back."""
    locked: bool = False
    """Of a thread: nobody without Manage Threads can (160005)."""
    requires_tag: bool = False
    """Of a forum: a post without a tag is refused (40067)."""

    @property
    def type(self) -> int:
        return CHANNEL_TYPES[self.kind]

    @property
    def occupants(self) -> list[Member]:
        """Who is in this voice channel now."""
        if self.guild is None:
            return []
        return [
            m for m in self.guild.connected() if m.voice is not None and m.voice.channel is self
        ]


@dataclass(eq=False)
class VoiceState:
    channel: Channel
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    mute: bool = False
    deaf: bool = False
    suppress: bool = False
    self_stream: bool = False
    self_video: bool = False


@dataclass(eq=False)
class Member:
    """A user in a guild. ``voice`` is None while it is in no voice channel."""

    user: User
    guild: Guild
    joined_at: datetime
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None
    voice: VoiceState | None = None
    present: bool = True

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def display_name(self) -> str:
        return self.nick or self.user.display_name

    @property
    def permissions(self) -> int:
        """What the roles allow, everything for the owner and for administrators."""
        if self.guild.owner_id == self.id:
            return ALL_PERMISSIONS
        allowed = self.guild.everyone.permissions
        for role in self.roles:
            allowed |= role.permissions
        return ALL_PERMISSIONS if allowed & ADMINISTRATOR else allowed


class GuildState:
    """A guild without events: all methods take effect at once and tell nobody."""

    def __init__(self, ids: Snowflakes, name: str, bot: User, created: datetime) -> None:
        self._ids = ids
        self._created = created
        self.id = ids.next()
        self.name = name
        self.locale = "en-US"
        self.owner_id = 0
        self.afk_channel: Channel | None = None
        self.afk_timeout = 300
        self.available = True
        self.bot_present = True
        self.members: dict[int, Member] = {}
        self.channels: dict[int, Channel] = {}
        self.roles: dict[int, Role] = {}
        self.everyone = Role(self.id, "@everyone", EVERYONE_PERMISSIONS, 0)
        self.roles[self.id] = self.everyone
        self.me = self.enroll(bot)

    def enroll(self, user: User, roles: Iterable[Role] = (), nick: str | None = None) -> Member:
        """Make a member of an existing user, or bring one who left back."""
        member = self.members.get(user.id)
        if member is None:
            member = Member(user, self, self._created)  # type: ignore[arg-type]
            self.members[user.id] = member
        member.present, member.roles, member.nick = True, list(roles), nick
        return member

    def add_role(self, name: str, permissions: int = 0) -> Role:
        role = Role(self._ids.next(), name, permissions, len(self.roles))
        self.roles[role.id] = role
        return role

    def add_channel(self, name: str, kind: ChannelKind = "text") -> Channel:
        channel = Channel(self._ids.next(), name, kind, self, len(self.channels))  # type: ignore[arg-type]
        self.channels[channel.id] = channel
        return channel

    def add_thread(
        self, name: str, parent: Channel | str | int, *, thread_id: int | None = None
    ) -> Channel:
        """A thread of a text channel, or a post of a forum."""
        channel = self.channel(parent)
        thread = Channel(
            self._ids.next() if thread_id is None else thread_id,
            name,
            "thread",
            self,  # type: ignore[arg-type]
            parent_id=channel.id,
        )
        self.channels[thread.id] = thread
        return thread

    def add_voice_channel(self, name: str, *, stage: bool = False) -> Channel:
        return self.add_channel(name, "stage" if stage else "voice")

    def connected(self) -> list[Member]:
        """Everyone who is in a voice channel now."""
        return [member for member in self.members.values() if member.voice is not None]

    def member(self, who: Member | User | str | int) -> Member:
        """The member meant: itself, a user, a name or an id. Raises SandboxError for nobody."""
        if isinstance(who, Member):
            return who
        if isinstance(who, User):
            who = who.id
        if isinstance(who, int) and who in self.members:
            return self.members[who]
        for member in self.members.values():
            if who in (member.user.name, member.display_name):
                return member
        raise SandboxError(f"No member {who!r} in the guild {self.name!r}.")

    def channel(self, which: Channel | str | int) -> Channel:
        """The channel meant: itself, a name or an id. Raises SandboxError for none."""
        if isinstance(which, Channel):
            return which
        for channel in self.channels.values():
            if which in (channel.id, channel.name):
                return channel
        raise SandboxError(f"No channel {which!r} in the guild {self.name!r}.")

    def place(
        self,
        who: Member | User | str | int,
        where: Channel | str | int | None,
        *,
        self_mute: bool | None = None,
        self_deaf: bool | None = None,
        mute: bool | None = None,
        deaf: bool | None = None,
        suppress: bool | None = None,
    ) -> Member:
        """Put a member into a voice channel (None: out of all), with no event sent.

        A flag that is None stays as it was: server mute and deaf outlive a move, and whoever
        comes to a stage is in its audience (suppress), as on Discord.
        """
        member = self.member(who)
        if where is None:
            member.voice = None
            return member
        channel = self.channel(where)
        if channel.kind not in ("voice", "stage"):
            raise SandboxError(f"{channel.name!r} is no voice channel.")
        audience = channel.kind == "stage"
        if member.voice is None:
            member.voice = VoiceState(channel, f"{self._ids.next():032x}", suppress=audience)
        elif member.voice.channel is not channel:
            member.voice.channel, member.voice.suppress = channel, audience
        flags = {
            "self_mute": self_mute,
            "self_deaf": self_deaf,
            "mute": mute,
            "deaf": deaf,
            "suppress": suppress,
        }
        for flag, value in flags.items():
            if value is not None:
                setattr(member.voice, flag, value)
        return member


START = datetime(2025, 1, 1, tzinfo=UTC)
"""Where the ids of guilds, members and channels begin."""

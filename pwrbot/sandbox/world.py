"""The stand-in as a whole: a world to change, served on loopback, with trouble on demand."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Self

from aiohttp import web

from pwrbot.sandbox import model
from pwrbot.sandbox.commands import Commands
from pwrbot.sandbox.errors import NotSeen
from pwrbot.sandbox.faults import Fault, Limits
from pwrbot.sandbox.gateway import Gateway
from pwrbot.sandbox.guild import DIRECT_MESSAGES, GUILD_MESSAGES, Guild
from pwrbot.sandbox.interactions import Interactions
from pwrbot.sandbox.messages import Message, Messages
from pwrbot.sandbox.model import Channel, Snowflakes, User
from pwrbot.sandbox.rest import Request, Rest
from pwrbot.sandbox.routes import Routes

Json = dict[str, Any]

TOKEN = "sandbox-token"


class World:
    """The guilds and users there are, and the servers through which the bot sees them.

    The bot reaches it with ``DISCORD_API_URL`` set to ``api_url`` and ``DISCORD_TOKEN`` to
    ``token``. ``port`` 0 takes a free one; ``shards`` is what ``GET /gateway/bot`` advises;
    ``reaction`` is how many seconds a member takes before using a message's controls.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = TOKEN,
        shards: int = 1,
        heartbeat_interval: float = 41.25,
        privileged_intents: bool = False,
        reaction: float = 0.1,
    ) -> None:
        self.token = token
        self.shards = shards
        self.heartbeat_interval = heartbeat_interval
        self.privileged_intents = privileged_intents
        self.drop_mode = False
        """While True the gateway takes no new connection."""
        self._reaction = reaction
        self._port = port
        self._ids = Snowflakes(model.START)
        self.owner = User(self._ids.next(), "sandbox owner")
        self.bot = User(self._ids.next(), "pwrbot", bot=True)
        self.application_id = self.bot.id
        self.guilds: dict[int, Guild] = {}
        self.users: dict[int, User] = {u.id: u for u in (self.owner, self.bot)}
        self._dms: dict[int, Channel] = {}
        self.commands = Commands(self._ids, self.application_id)
        self.messages = Messages(
            self._ids,
            self.bot,
            self.application_id,
            self.users,
            lambda: self.api_url,
            self._changed,
        )
        self.interactions = Interactions(self.messages, self.notify)
        self.gateway = Gateway(self)
        self.limits = Limits()
        self.requests: deque[Request] = deque(maxlen=10_000)
        """The REST requests served so far."""
        self._faults: list[Fault] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    # Serving

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(
            Rest(self, Routes(self).all()).app(), access_log=None, shutdown_timeout=1.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in list(self.gateway.connections):
            connection.abort()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """What DISCORD_API_URL is to be."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    # The world

    def add_guild(
        self,
        name: str,
        *,
        members: Iterable[str] = (),
        voice_channels: Iterable[str] = (),
        text_channels: Iterable[str] = ("general",),
        afk_channel: str | None = None,
    ) -> Guild:
        """A guild the bot is in. Connected already? ``await guild.add_bot()`` tells it."""
        guild = Guild(self._ids, name, self.bot, self.users, self.gateway.dispatch)
        for text in text_channels:
            guild.add_channel(text)
        for voice in voice_channels:
            guild.add_voice_channel(voice)
        if afk_channel is not None:
            guild.afk_channel = guild.add_voice_channel(afk_channel)
        for member in members:
            guild.add_member(member)
        self.guilds[guild.id] = guild
        return guild

    def dm_channel(self, user: User) -> Channel:
        """The direct messages between this user and the bot."""
        if user.id not in self._dms:
            self._dms[user.id] = Channel(self._ids.next(), user.name, "dm", recipient=user)
        return self._dms[user.id]

    def channels(self) -> dict[int, Channel]:
        """Every channel by id."""
        found = {c.id: c for c in self._dms.values()}
        for guild in self.guilds.values():
            found |= guild.channels
        return found

    def sent(self, channel: Channel | User) -> list[Json]:
        """The messages the bot sent to a channel, or to a user directly; oldest first."""
        if isinstance(channel, User):
            channel = self.dm_channel(channel)
        return [message.payload for message in self.messages.of(channel)]

    def name(self, sign: str, item_id: int, guild: Guild | None) -> str:
        """The name behind a mention, as a member of the guild reads it."""
        if sign == "@":
            member = guild.members.get(item_id) if guild else None
            user = self.users.get(item_id)
            shown = member if member and member.present else user
            return shown.display_name if shown else "unknown-user"
        if sign == "#":
            channel = self.channels().get(item_id)
            return channel.name if channel else "unknown"
        role = guild.roles.get(item_id) if guild else None
        return role.name if role else "unknown-role"

    # Waiting

    async def until(self, seen: Callable[[], bool], *, within: float = 10.0) -> None:
        """Return once ``seen()`` is true, asked whenever something happens. Raises NotSeen."""
        if seen():
            return
        entry = (seen, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within):
                await entry[1]
        except TimeoutError:
            raise NotSeen(f"{NotSeen.__doc__} ({within} s)") from None
        finally:
            self._waiting.remove(entry)

    def notify(self) -> None:
        """Something happened: whoever waits looks again."""
        for seen, future in self._waiting:
            if not future.done() and seen():
                future.set_result(None)

    @property
    def ready_shards(self) -> int:
        """How many shards are connected and were sent their guilds."""
        return sum(s.ready and s.connection is not None for s in self.gateway.sessions.values())

    async def wait_ready(self, *, within: float = 30.0) -> None:
        """Until every shard the bot identified with is connected and was sent its guilds.

        discord.py's ``on_ready`` comes some two seconds later.
        """

        def ready() -> bool:
            sessions = self.gateway.sessions.values()
            shards = {s.shard for s in sessions if s.ready and s.connection is not None}
            return any(len([x for x in shards if x[1] == count]) == count for _, count in shards)

        await self.until(ready, within=within)

    async def wait_gone(self, *, within: float = 30.0) -> None:
        """Until no gateway connection is left, after the bot was stopped or killed."""
        await self.until(lambda: not self.gateway.connections, within=within)

    async def wait_for_commands(self, *, syncs: int = 1, within: float = 30.0) -> None:
        """Until commands were synced that many times in all."""
        await self.until(lambda: self.commands.syncs >= syncs, within=within)

    # Trouble

    async def drop_connections(self, *, resume: bool = True, code: int | None = None) -> None:
        """End all gateway connections, by a cut of the TCP connection or with a close code.

        ``resume`` False: their sessions are gone, a RESUME is answered with INVALID_SESSION.
        """
        await self.gateway.drop(resume=resume, code=code)

    async def ask_to_reconnect(self) -> None:
        """Opcode 7, as Discord sends it when a gateway server is to go."""
        await self.gateway.ask_to_reconnect()

    async def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Opcode 9 to every connection."""
        await self.gateway.invalidate(resumable=resumable)

    def fail_next(
        self,
        method: str,
        path: str,
        status: int | None = None,
        *,
        times: int = 1,
        retry_after: float = 0.3,
        is_global: bool = False,
        via: bool = True,
        delay: float = 0.0,
        lose_answer: bool = False,
    ) -> Fault:
        """What happens to the next requests of a method ("*": any) whose path matches a regular
        expression; the path begins after the API's version. See Fault."""
        fault = Fault(
            method.upper(),
            re.compile(path),
            status,
            times,
            retry_after,
            is_global,
            via,
            delay,
            lose_answer,
        )
        self._faults.append(fault)
        return fault

    def take_fault(self, method: str, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.matches(method, path):
                fault.times -= 1
                self.notify()
                return fault
        return None

    def served(self, request: Request) -> None:
        self.requests.append(request)
        self.notify()

    async def reaction(self, since: float) -> None:
        """Wait as long as a person needs to react to what happened at ``since``.

        discord.py listens to a message's controls only once it has read the answer to sending
        it: a click in the same instant would be lost.
        """
        await asyncio.sleep(max(0.0, since + self._reaction - time.monotonic()))

    # Message events, for bots that ask for them

    def _changed(self, message: Message) -> None:
        self.notify()
        if message.ephemeral:
            return
        event = "MESSAGE_UPDATE" if message.revision else "MESSAGE_CREATE"
        guild = message.channel.guild
        body = dict(message.payload)
        if message.deleted:
            event, body = "MESSAGE_DELETE", {key: body[key] for key in ("id", "channel_id")}
        if guild is not None:
            body["guild_id"] = str(guild.id)
        telling = self.gateway.dispatch(
            event,
            body,
            guild_id=None if guild is None else guild.id,
            intents=DIRECT_MESSAGES if guild is None else GUILD_MESSAGES,
        )
        task = asyncio.get_running_loop().create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

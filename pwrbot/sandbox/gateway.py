"""Discord's gateway, version 10: JSON over a WebSocket, with sessions that can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from pwrbot.sandbox import payloads
from pwrbot.sandbox.guild import PRIVILEGED_INTENTS, Guild
from pwrbot.sandbox.model import User
from pwrbot.sandbox.session import DISPATCH, Connection, Session

Json = dict[str, Any]

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT = 1, 2, 3, 4, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED = 4001, 4002, 4003, 4004
ALREADY_AUTHENTICATED, INVALID_SEQ, INVALID_SHARD = 4005, 4007, 4010
INVALID_INTENTS, DISALLOWED_INTENTS = 4013, 4014


class Known(Protocol):
    """What the gateway has to know of the sandbox."""

    token: str
    bot: User
    application_id: int
    guilds: dict[int, Guild]
    heartbeat_interval: float
    privileged_intents: bool
    drop_mode: bool

    @property
    def gateway_url(self) -> str: ...

    def notify(self) -> None: ...


class Gateway:
    """Accepts connections and keeps the sessions."""

    def __init__(self, world: Known) -> None:
        self._world = world
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.identified: list[tuple[int, int]] = []
        """The shard of each IDENTIFY so far, in order."""
        self.resumed = 0
        """How many RESUMEs were granted so far."""
        self.refused = 0
        """How many connections were turned away so far."""

    async def dispatch(
        self, event: str, data: Json | Callable[[int], Json], *, guild_id: int | None, intents: int
    ) -> None:
        """Send an event to every session it is for; whoever is not connected gets it on resume."""
        for session in list(self.sessions.values()):
            if not session.hears(guild_id, intents):
                continue
            if event == "GUILD_CREATE" and guild_id is not None:
                session.guilds.add(guild_id)
            if guild_id is None or intents == 0 or guild_id in session.guilds:
                await session.dispatch(event, data(session.intents) if callable(data) else data)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._world.drop_mode:
            self.refused += 1
            self._world.notify()
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        try:
            await connection.send(HELLO, {"heartbeat_interval": self._interval})
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                code = await self._received(connection, message.data)
                if code is not None:
                    await connection.close(code)
                    break
        finally:
            self._gone(connection, socket.close_code)
        return socket

    @property
    def _interval(self) -> int:
        return int(self._world.heartbeat_interval * 1000)

    def _gone(self, connection: Connection, code: int | None) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            # A client that closes with 1000 or 1001 says good-bye: Discord forgets the session.
            if code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY):
                self.sessions.pop(session.id, None)
        self._world.notify()

    async def _received(self, connection: Connection, text: str | bytes) -> int | None:
        """Act on a frame; the code to close with when it breaks the rules."""
        try:
            frame = msgspec.json.decode(text)
            op, data = frame["op"], frame.get("d")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return DECODE_ERROR
        if op == HEARTBEAT:
            await connection.send(HEARTBEAT_ACK, None)
            return None
        if op == IDENTIFY:
            return await self._identify(connection, data)
        if op == RESUME:
            return await self._resume(connection, data)
        if connection.session is None:
            return NOT_AUTHENTICATED
        if op == REQUEST_MEMBERS:
            await self._members(connection.session, data)
        return None if op in (PRESENCE, VOICE, REQUEST_MEMBERS) else UNKNOWN_OPCODE

    async def _identify(self, connection: Connection, data: Json) -> int | None:
        world = self._world
        if connection.session is not None:
            return ALREADY_AUTHENTICATED
        if data.get("token") != world.token:
            return AUTHENTICATION_FAILED
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            return INVALID_SHARD
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0:
            return INVALID_INTENTS
        if intents & PRIVILEGED_INTENTS and not world.privileged_intents:
            return DISALLOWED_INTENTS
        # A process that died leaves its session behind: the new one of the same shard replaces it.
        for old in [s for s in self.sessions.values() if s.shard == (number, count)]:
            if old.connection is None:
                del self.sessions[old.id]
        session = Session((number, count), intents)
        session.connection, connection.session = connection, session
        self.sessions[session.id] = session
        mine = [g for g in world.guilds.values() if g.bot_present and session.hears(g.id, 0)]
        await session.dispatch("READY", self._ready(session, mine))
        for guild in mine:
            if guild.available and guild.bot_present and guild.id not in session.guilds:
                session.guilds.add(guild.id)
                await session.dispatch("GUILD_CREATE", guild.created(intents, joined=False))
        session.ready = True
        self.identified.append((number, count))
        world.notify()
        return None

    def _ready(self, session: Session, guilds: list[Guild]) -> Json:
        application = {"id": str(self._world.application_id), "flags": 0}
        return {
            "v": payloads.API_VERSION,
            "user": payloads.user(self._world.bot)
            | {"verified": True, "mfa_enabled": True, "email": None, "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._world.gateway_url,
            "shard": list(session.shard),
            "application": application,
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
            "presences": [],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "_trace": ["sandbox"],
        }

    async def _resume(self, connection: Connection, data: Json) -> int | None:
        if connection.session is not None:
            return ALREADY_AUTHENTICATED
        if data.get("token") != self._world.token:
            return AUTHENTICATION_FAILED
        session = self.sessions.get(data.get("session_id") or "")
        seq = data.get("seq")
        if session is None:
            await connection.send(INVALID_SESSION, False)
            return None
        if not isinstance(seq, int) or seq > session.seq:
            return INVALID_SEQ
        missed = session.missed(seq)
        if missed is None:
            del self.sessions[session.id]
            await connection.send(INVALID_SESSION, False)
            return None
        if session.connection is not None and session.connection is not connection:
            session.connection.abort()
        session.connection = None
        connection.session = session
        while missed:
            for number, event, body in missed:
                await connection.send(DISPATCH, body, event, number)
                seq = number
            missed = session.missed(seq)
        session.connection = connection
        await session.dispatch("RESUMED", {"_trace": ["sandbox"]})
        self.resumed += 1
        self._world.notify()
        return None

    async def _members(self, session: Session, data: Json) -> None:
        guild = self._world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None or not session.hears(guild.id, 0):
            return
        wanted, query = data.get("user_ids"), str(data.get("query") or "").lower()
        ids = None if wanted is None else {str(i) for i in _listed(wanted)}
        found = [
            payloads.member(member)
            for member in guild.members.values()
            if member.present
            and (
                str(member.id) in ids
                if ids is not None
                else member.display_name.lower().startswith(query)
            )
        ]
        found = found[: data.get("limit") or None]
        body: Json = {
            "guild_id": str(guild.id),
            "members": found,
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [] if ids is None else sorted(ids - {m["user"]["id"] for m in found}),
        }
        if data.get("nonce"):
            body["nonce"] = data["nonce"]
        await session.dispatch("GUILD_MEMBERS_CHUNK", body)

    # Trouble on demand

    def forget_sessions(self) -> None:
        """No session can be resumed any more."""
        for session in self.sessions.values():
            if session.connection is not None:
                session.connection.session = None
        self.sessions.clear()

    async def drop(self, *, resume: bool, code: int | None) -> None:
        """End every connection: abruptly, or with a close code; their sessions stay or go."""
        going = list(self.connections)
        if not resume:
            self.forget_sessions()
        for session in self.sessions.values():
            session.connection = None
        for connection in going:
            if code is None:
                connection.abort()
            else:
                await connection.close(code)

    async def ask_to_reconnect(self) -> None:
        """Opcode 7: clients reconnect and resume."""
        for connection in list(self.connections):
            await connection.send(RECONNECT, None)

    async def invalidate(self, *, resumable: bool) -> None:
        """Opcode 9: clients reconnect and resume, or identify anew."""
        if not resumable:
            self.forget_sessions()
        for connection in list(self.connections):
            await connection.send(INVALID_SESSION, resumable)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

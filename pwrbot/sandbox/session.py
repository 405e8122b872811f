"""One connection to the gateway, and the session that outlives it."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections import deque
from typing import Any

import msgspec
from aiohttp import web

DISPATCH = 0
KEPT_EVENTS = 50_000
"""How many events a session keeps for a resume; older ones make it invalid."""


class Connection:
    """One WebSocket: frames go out in the order they were sent, compressed when asked for."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._lock = asyncio.Lock()
        asked = request.query.get("compress")
        self._deflate = zlib.compressobj() if asked == "zlib-stream" else None
        self.session: Session | None = None

    async def send(
        self, op: int, data: Any, event: str | None = None, seq: int | None = None
    ) -> None:
        """Send one frame; a connection that is gone loses it, as on the real wire."""
        frame = msgspec.json.encode({"op": op, "d": data, "s": seq, "t": event})
        async with self._lock:
            if self._socket.closed:
                return
            try:
                if self._deflate is None:
                    await self._socket.send_str(frame.decode())
                    return
                packed = self._deflate.compress(frame) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                await self._socket.send_bytes(packed)
            except (ConnectionError, RuntimeError):
                return

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    def abort(self) -> None:
        """Cut the TCP connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Session:
    """What Discord keeps for one identified shard, connected or not."""

    def __init__(self, shard: tuple[int, int], intents: int) -> None:
        self.id = secrets.token_hex(16)
        self.shard = shard
        self.intents = intents
        self.seq = 0
        self.connection: Connection | None = None
        self.guilds: set[int] = set()
        """The guilds whose GUILD_CREATE was sent; what happens in others is in theirs to come."""
        self.ready = False
        """Whether READY and the first GUILD_CREATEs were sent."""
        self._events: deque[tuple[int, str, Any]] = deque(maxlen=KEPT_EVENTS)

    def hears(self, guild_id: int | None, intents: int) -> bool:
        """Whether an event of this guild (None: of no guild) and these intents is for it."""
        number, count = self.shard
        home = 0 if guild_id is None else (guild_id >> 22) % count
        return number == home and (intents == 0 or bool(self.intents & intents))

    async def dispatch(self, event: str, data: Any) -> None:
        self.seq += 1
        self._events.append((self.seq, event, data))
        if self.connection is not None:
            await self.connection.send(DISPATCH, data, event, self.seq)

    def missed(self, seq: int) -> list[tuple[int, str, Any]] | None:
        """The events after ``seq``; None when they are not all kept any more."""
        after = [kept for kept in self._events if kept[0] > seq]
        return after if len(after) == self.seq - seq else None

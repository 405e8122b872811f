"""How fast a host may be asked: so many requests in so many seconds, so many at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pwrbot.clock import Clock
from pwrbot.feeds.errors import HostBusy


class HostLimit(msgspec.Struct, frozen=True):
    """At most ``requests`` within any ``seconds``, and ``at_once`` under way."""

    requests: int
    seconds: float
    at_once: int = 2


POLITE: Final = HostLimit(requests=5, seconds=1, at_once=2)
"""For hosts that publish no limit."""

PATIENCE: Final = timedelta(seconds=60)
"""Who would have to wait longer for a turn is told to come back, and holds nothing meanwhile."""

LONGEST_HOLD: Final = timedelta(days=1)
"""No host can ask for more than this."""


class Pace:
    """Gives turns, host by host. Exact: the limit holds for every window, the first one too."""

    def __init__(
        self, clock: Clock, limits: Mapping[str, HostLimit], default: HostLimit = POLITE
    ) -> None:
        self._clock = clock
        self._limits = dict(limits)
        self._default = default
        self._hosts: dict[str, _Host] = {}

    def __len__(self) -> int:
        """How many hosts are remembered."""
        return len(self._hosts)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Within it one request may be made; raises HostBusy where that would take too long."""
        host = self._host(name)
        host.users += 1
        try:
            async with host.places:
                await self._wait(host)
                yield
        finally:
            host.users -= 1

    def hold(self, name: str, duration: timedelta) -> None:
        """Ask nothing of a host for as long as it says."""
        until = self._clock.now() + min(duration, LONGEST_HOLD)
        host = self._host(name)
        host.held_until = max(host.held_until or until, until)

    async def _wait(self, host: _Host) -> None:
        now = self._clock.now()
        if host.held_until is not None and host.held_until > now:
            raise HostBusy(host.held_until - now)
        at = now
        if len(host.turns) == host.limit.requests:
            at = max(now, host.turns[0] + timedelta(seconds=host.limit.seconds))
        if at - now > PATIENCE:
            raise HostBusy(at - now)
        host.turns.append(at)
        if at > now:
            await self._clock.sleep((at - now).total_seconds())

    def _host(self, name: str) -> _Host:
        if (host := self._hosts.get(name)) is None:
            if len(self._hosts) >= 1000:
                self._forget_idle()
            host = self._hosts[name] = _Host(self._limits.get(name, self._default))
        return host

    def _forget_idle(self) -> None:
        now = self._clock.now()
        self._hosts = {name: host for name, host in self._hosts.items() if not host.is_idle(now)}


class _Host:
    def __init__(self, limit: HostLimit) -> None:
        self.limit = limit
        self.places = asyncio.Semaphore(limit.at_once)
        self.turns: deque[datetime] = deque(maxlen=limit.requests)
        self.held_until: datetime | None = None
        self.users = 0

    def is_idle(self, now: datetime) -> bool:
        if self.users or (self.held_until is not None and self.held_until > now):
            return False
        return not self.turns or now - self.turns[-1] > timedelta(seconds=self.limit.seconds)

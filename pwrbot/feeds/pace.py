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
from pwrbot.feeds.errors import HostBusy, HostQueue


class HostLimit(msgspec.Struct, frozen=True):
    """At most ``requests`` within any ``seconds``, and ``at_once`` under way."""

    requests: int
    seconds: float
    at_once: int = 2


POLITE: Final = HostLimit(requests=5, seconds=1, at_once=2)
"""For hosts that publish no limit."""

PATIENCE: Final = timedelta(seconds=60)
"""Who would have to wait longer for a turn is told to come back, and holds nothing meanwhile."""

POLLING_PATIENCE: Final = PATIENCE / 2
"""Of polls: a member who waits for an answer finds a place before them."""

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
    async def turn(self, name: str, patience: timedelta = PATIENCE) -> AsyncIterator[None]:
        """Within it one request may be made; raises HostBusy, and HostQueue where its turn would
        come later than ``patience`` allows.
        """
        host = self._host(name)
        host.users += 1
        try:
            self._check(host, patience)
            await self._place(host, patience)
            try:
                await self._wait(host)
                began = self._clock.now()
                try:
                    yield
                finally:
                    host.took((self._clock.now() - began).total_seconds())
            finally:
                host.places.release()
        finally:
            host.users -= 1

    def hold(self, name: str, duration: timedelta) -> None:
        """Ask nothing of a host for as long as it says."""
        until = self._clock.now() + min(duration, LONGEST_HOLD)
        host = self._host(name)
        host.held_until = max(host.held_until or until, until)

    def _check(self, host: _Host, patience: timedelta) -> None:
        """Who has no hope of a turn in time does not wait for it: a queue at one host would
        hold up what is to be asked of others."""
        now = self._clock.now()
        if host.held_until is not None and host.held_until > now:
            raise HostBusy(host.held_until - now)
        if (wait := host.expected(now)) > patience:
            raise HostQueue(wait)

    async def _place(self, host: _Host, patience: timedelta) -> None:
        """One of the places at a host; raises HostQueue where none comes free in time."""
        if not host.places.locked():
            await host.places.acquire()
            return
        place = asyncio.ensure_future(host.places.acquire())
        late = asyncio.ensure_future(self._clock.sleep(patience.total_seconds()))
        try:
            await asyncio.wait((place, late), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not place.cancel():  # it has come just now
                host.places.release()
            raise
        finally:
            late.cancel()
        if not place.done():
            place.cancel()
            raise HostQueue(patience)

    async def _wait(self, host: _Host) -> None:
        now = self._clock.now()
        at = now
        if len(host.turns) == host.limit.requests:
            at = max(now, host.turns[0] + timedelta(seconds=host.limit.seconds))
        host.turns.append(at)
        if at > now:
            await self._clock.sleep((at - now).total_seconds())
        if host.held_until is not None and host.held_until > (now := self._clock.now()):
            raise HostBusy(host.held_until - now)  # it has said so meanwhile

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
        """Those who have a place, and those who wait for one."""
        self._seconds = 0.0  # that a turn takes, of late

    def took(self, seconds: float) -> None:
        self._seconds += (seconds - self._seconds) / 2

    def expected(self, now: datetime) -> timedelta:
        """How long whoever comes last has to wait: by the limit, and by how slow the host is."""
        window = timedelta(seconds=self.limit.seconds)
        before = max(0, self.users - 1 - self.limit.at_once)  # not yet among the turns
        known, requests = len(self.turns), self.limit.requests
        after = known + before - requests  # the turn that has to be a window past
        cycles = max(0, -((known - 1 - after) // requests))
        after -= cycles * requests
        by_limit = cycles * window
        if after >= 0:
            by_limit += max(timedelta(0), self.turns[after] + window - now)
        by_pace = timedelta(seconds=self._seconds * ((self.users - 1) // self.limit.at_once))
        return max(by_limit, by_pace)

    def is_idle(self, now: datetime) -> bool:
        if self.users or (self.held_until is not None and self.held_until > now):
            return False
        return not self.turns or now - self.turns[-1] > timedelta(seconds=self.limit.seconds)

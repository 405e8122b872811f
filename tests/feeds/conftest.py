"""Hosts on loopback, and clients that may reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.clock import SystemClock
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.fetch import Fetcher, Timeouts
from pwrbot.feeds.pace import HostLimit
from tests.feeds.hosts import Host, serving

LOOPBACK = AllowedHosts.parse(["127.0.0.0/8"])
QUICK = Timeouts(total=5, connect=5, read=5)
ANY = HostLimit(requests=10_000, seconds=1, at_once=100)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with serving() as made:
        yield made


@pytest.fixture
async def other_host() -> AsyncIterator[Host]:
    async with serving() as made:
        yield made


@pytest.fixture
async def fetch() -> AsyncIterator[Fetcher]:
    async with Fetcher(SystemClock(), allowed=LOOPBACK, timeouts=QUICK, default_limit=ANY) as made:
        yield made


@pytest.fixture
async def feeds(host: Host) -> AsyncIterator[Feeds]:
    """Every platform's endpoint is the host, each under a path of its own name."""
    platforms = ("anilist", "mangadex", "comick", "youtube", "reddit", "github", "steam")
    async with Feeds(
        SystemClock(),
        allowed=LOOPBACK,
        endpoints={name: host.url(f"/{name}") for name in platforms},
        timeouts=QUICK,
        default_limit=ANY,
    ) as made:
        yield made

"""The web of the measurement: many hosts with many feeds, in a process of its own.

Every feed is RSS of twenty items, some 13 KB. Three quarters of them have an ETag and answer 304 to
who knows it; the others send their body whatever is asked, as many do.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from multiprocessing.connection import Connection
from typing import Final

import msgspec

ITEMS: Final = 20
"""Items that a feed shows: the newest, the oldest last."""

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_GAP: Final = timedelta(hours=5)
_WORDS: Final = "What happened, where it did and why it matters to those who read of it. " * 6


class Asked(msgspec.Struct, frozen=True):
    """What the hosts were asked since the last time."""

    requests: int
    unchanged: int
    """Answered with 304."""
    connections: int


class Hosts:
    """The feeds as their readers see them, and what they publish."""

    def __init__(self, control: Connection, ports: list[int], feeds: int) -> None:
        self._control = control
        self.ports = ports
        self.urls = [f"http://127.0.0.1:{ports[n % len(ports)]}/{n}.xml" for n in range(feeds)]

    def publish(self, feeds: list[int]) -> None:
        """One new item each."""
        self._control.send(feeds)
        self._control.recv()

    def asked(self) -> Asked:
        """Since the last call."""
        self._control.send(None)
        return self._control.recv()


@contextmanager
def running_hosts(hosts: int, feeds: int) -> Generator[Hosts]:
    """Hosts on loopback, each a port; feed n is on host n modulo their number."""
    processes = multiprocessing.get_context("spawn")
    control, other = processes.Pipe()
    process = processes.Process(target=_serve, args=(other, hosts), daemon=True)
    process.start()
    other.close()
    try:
        yield Hosts(control, control.recv(), feeds)
    finally:
        control.close()  # which ends it
        process.join(10)
        process.kill()


def has_etag(feed: int) -> bool:
    return feed % 4 != 3


def document(feed: int, published: int) -> bytes:
    """A feed after so many items beyond its first ones."""
    newest = published + ITEMS
    items = "".join(
        f"<item><title>Number {number} of feed {feed}</title>"
        f"<link>https://feed{feed}.example/articles/{number}?from=feed</link>"
        f"<guid isPermaLink='false'>tag:feed{feed}.example,2026:{number}</guid>"
        f"<pubDate>{format_datetime(_START + number * _GAP)}</pubDate>"
        f"<author>someone@feed{feed}.example (Someone)</author>"
        f"<description>&lt;p&gt;{_WORDS}&lt;/p&gt;</description></item>"
        for number in range(newest, newest - ITEMS, -1)
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>"
        f"<title>Feed {feed}</title><link>https://feed{feed}.example/</link>"
        f"<description>All there is about {feed}</description>{items}</channel></rss>"
    ).encode()


class _Web:
    def __init__(self) -> None:
        self.published: dict[int, int] = {}
        self.requests = self.unchanged = self.connections = 0

    def answer(self, head: bytes) -> bytes:
        self.requests += 1
        path = head.split(b" ", 2)[1]
        feed = int(path[1:].removesuffix(b".xml"))
        published = self.published.get(feed, 0)
        etag = b'"%d"' % published
        if has_etag(feed):
            if b"if-none-match: " + etag + b"\r\n" in head.lower():
                self.unchanged += 1
                return b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n"
            validator = b"ETag: " + etag + b"\r\n"
        else:
            validator = b""
        body = document(feed, published)
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n%bContent-Length: %d\r\n\r\n"
            % (validator, len(body))
        ) + body

    def taken(self) -> Asked:
        asked = Asked(self.requests, self.unchanged, self.connections)
        self.requests = self.unchanged = self.connections = 0
        return asked


class _Connection(asyncio.Protocol):
    def __init__(self, web: _Web) -> None:
        self._web = web
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._web.connections += 1
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, _, self._head = self._head.partition(b"\r\n\r\n")
            self._transport.write(self._web.answer(head + b"\r\n"))


def _serve(control: Connection, hosts: int) -> None:
    asyncio.run(_served(control, hosts))


async def _served(control: Connection, hosts: int) -> None:
    loop = asyncio.get_running_loop()
    web, ended = _Web(), asyncio.Event()
    servers = [
        await loop.create_server(lambda: _Connection(web), "127.0.0.1", 0, backlog=200)
        for _ in range(hosts)
    ]
    control.send([server.sockets[0].getsockname()[1] for server in servers])

    def told() -> None:
        try:
            feeds = control.recv()
        except (EOFError, ConnectionError):
            loop.remove_reader(control.fileno())
            ended.set()
            return
        if feeds is None:
            control.send(web.taken())
            return
        for feed in feeds:
            web.published[feed] = web.published.get(feed, 0) + 1
        control.send(None)

    loop.add_reader(control.fileno(), told)
    await ended.wait()
    for server in servers:
        server.close()

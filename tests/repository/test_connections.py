"""Connections to PostgreSQL at hand and in the pool, and the timer all statements share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from pwrbot.repository.engine import postgres_connections
from pwrbot.repository.engine.postgres_connections import Connections
from pwrbot.repository.engine.watch import Watch
from pwrbot.repository.errors import DatabaseBusy, DatabaseUnavailable
from pwrbot.repository.url import PostgresURL, parse_url


@pytest.fixture
async def connections(postgres_database_url: str) -> AsyncIterator[Connections]:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    pool = await asyncpg.create_pool(**url.asyncpg_arguments(), min_size=1, max_size=1)
    opened = Connections(pool, 10)
    yield opened
    await opened.close()


async def pid(connections: Connections) -> int:
    async with connections.lease() as connection:
        return connection.get_server_pid()


async def test_the_last_one_used_is_kept_at_hand(connections: Connections) -> None:
    assert await pid(connections) == await pid(connections)


async def test_whoever_waits_comes_before_the_hand(connections: Connections) -> None:
    first = await connections.take()
    second = asyncio.create_task(connections.take())
    await asyncio.sleep(0)  # it waits for the only connection now
    await connections.give_back(first, failed=False)
    taken = await second
    await connections.give_back(taken, failed=False)


async def test_what_failed_goes_back_to_the_pool(connections: Connections) -> None:
    async def fail() -> None:
        async with connections.lease() as connection:
            await connection.execute("SELECT 1/0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    assert await pid(connections)


async def test_one_unused_for_long_is_replaced(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await pid(connections)
    monkeypatch.setattr(postgres_connections, "IDLE_SECONDS", -1.0)
    assert await pid(connections) != before


async def test_one_that_was_closed_meanwhile_is_replaced(connections: Connections) -> None:
    connection = await connections.take()
    before = connection.get_server_pid()
    await connections.give_back(connection, failed=False)
    connection.terminate()
    assert await pid(connections) != before


async def test_renewed_ones_are_others_but_for_one_in_use(postgres_database_url: str) -> None:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    pool = await asyncpg.create_pool(**url.asyncpg_arguments(), min_size=3, max_size=3)
    connections = Connections(pool, 10)
    used, *idle = [await connections.take() for _ in range(3)]
    before = {one.get_server_pid() for one in (used, *idle)}
    for one in idle:  # the first at hand, the other in the pool
        await connections.give_back(one, failed=False)
    await connections.renew()
    after = [await connections.take() for _ in range(2)]
    assert before.isdisjoint(one.get_server_pid() for one in after)
    assert await used.fetchval("SELECT 1") == 1
    for one in (used, *after):
        await connections.give_back(one, failed=False)
    await connections.close()


async def nothing_to_reset(connection: object) -> None:
    """As the engine's: giving one back asks the server nothing."""
    del connection


class Way:
    """A way to the server that can go silent, as a firewall's does: nothing is closed."""

    def __init__(self, url: PostgresURL) -> None:
        self._arguments = url.asyncpg_arguments()
        self._open = asyncio.Event()
        self._open.set()
        self._carrying: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def pool(self, most: int, seconds: float) -> AsyncIterator[Connections]:
        """Connections that go this way."""
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            pool = await asyncpg.create_pool(
                **self._arguments | {"host": host, "port": port},
                min_size=1,
                max_size=most,
                timeout=60,
                command_timeout=60,
                reset=nothing_to_reset,
            )
            opened = Connections(pool, seconds)
            yield opened
            await opened.close()
            self.speak()
            await asyncio.gather(*self._carrying)

    def go_silent(self) -> None:
        self._open.clear()

    def speak(self) -> None:
        self._open.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (host,), (port,) = self._arguments["host"], self._arguments["port"]
        answers, asks = await asyncio.open_connection(host, port)
        for source, target in ((reader, asks), (answers, writer)):
            self._carrying.append(asyncio.create_task(self._pass_on(source, target)))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
        writer.close()


@pytest.fixture
def way(postgres_database_url: str) -> Way:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    return Way(url)


async def test_one_that_nobody_answers_on_is_given_up(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is asked to end a statement that took too long, and is not waited for for long."""
    monkeypatch.setattr(postgres_connections, "ENDING_SECONDS", 0.1)
    async with way.pool(1, 10) as connections:
        connection = await connections.take()
        before = connection.get_server_pid()
        way.go_silent()
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1", timeout=0.1)
        async with asyncio.timeout(10):
            await connections.give_back(connection, failed=True)
        way.speak()
        assert await pid(connections) != before


async def test_closing_waits_for_no_answer(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connections, "ENDING_SECONDS", 0.1)
    async with way.pool(1, 60) as connections:
        assert await pid(connections)
        way.go_silent()
        async with asyncio.timeout(10):
            await connections.close()


async def test_a_server_that_is_not_reached_in_time_is_no_busy_pool(way: Way) -> None:
    async with way.pool(2, 0.1) as connections:
        connection = await connections.take()
        way.go_silent()
        with pytest.raises(DatabaseUnavailable):
            await connections.take()
        way.speak()
        connections._timeout = 30
        other = await connections.take()
        connections._timeout = 0.1
        with pytest.raises(DatabaseBusy, match="no connection became free"):
            await connections.take()
        for one in (connection, other):
            await connections.give_back(one, failed=False)


async def test_closing_is_final_and_waits_for_what_is_in_use(connections: Connections) -> None:
    connection = await connections.take()
    closing = asyncio.create_task(connections.close())
    await asyncio.sleep(0)
    assert not closing.done()
    await connections.give_back(connection, failed=False)
    await closing
    with pytest.raises(DatabaseUnavailable):
        await connections.take()


async def test_what_takes_too_long_is_told_once() -> None:
    told = asyncio.Event()
    watch = Watch(0.01, told.set)
    watch.start()
    await asyncio.wait_for(told.wait(), 10)
    watch.stop()
    watch.close()


async def test_what_ends_in_time_is_not_told() -> None:
    late: list[str] = []
    watch = Watch(0.01, lambda: late.append("too late"))
    watch.start()
    watch.stop()
    after = asyncio.Event()
    other = Watch(0.03, after.set)  # its time is over after that of the first
    other.start()
    await asyncio.wait_for(after.wait(), 10)
    assert late == []
    watch.close()
    other.close()

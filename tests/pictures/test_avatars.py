"""Avatars from a server on loopback that does everything wrong that a server can."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from PIL import Image

from pwrbot.clock import ManualClock
from pwrbot.pictures.avatars import SIZE, AvatarCache, AvatarRefused, from_discord, small
from tests.live_bot import NOW

MEGABYTE = 1024 * 1024


def picture(kind: str = "PNG", size: tuple[int, int] = (128, 128), colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A small PNG of very many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(MEGABYTE), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


class Server:
    """Avatars under /NAME; ``asked`` counts, ``sent`` is how much of a long one went out."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"good": picture()}
        self.asked: Counter[str] = Counter()
        self.sent = 0
        self.at_once = self.most = 0
        self.base = ""
        self.hold = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked[name] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            return await self._answer(request, name)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request, name: str) -> web.StreamResponse:
        if name == "never":
            await self.hold.wait()
        if name == "elsewhere":
            raise web.HTTPFound(f"{self.base}/good")
        if name in ("endless", "honest"):
            response = web.StreamResponse()
            if name == "honest":
                response.content_length = 50 * MEGABYTE
            await response.prepare(request)
            for _ in range(50 * 16):
                await response.write(bytes(MEGABYTE // 16))
                self.sent += MEGABYTE // 16
            return response
        if name.startswith("slow"):
            await asyncio.sleep(0.05)
            return web.Response(body=self.files["good"])
        if name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/{name}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    made.hold.set()
    await runner.cleanup()


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def cache(server: Server, clock: ManualClock) -> AsyncIterator[AvatarCache]:
    made = AvatarCache(clock, allowed=lambda url: url.startswith(server.base), seconds=2)
    yield made
    await made.close()


async def test_an_avatar_is_fetched_once_and_made_small(server: Server, cache: AvatarCache) -> None:
    url = f"{server.base}/good"
    for _ in range(3):
        found = await cache.get([url, url], within=5)
        image = Image.open(io.BytesIO(found[url]))
        assert image.size == (SIZE, SIZE)
    assert server.asked["good"] == 1
    assert cache.size == len(found[url]) < 5_000


async def test_two_who_want_the_same_at_once_share_it(server: Server, cache: AvatarCache) -> None:
    url = f"{server.base}/slow"
    both = await asyncio.gather(cache.get([url], within=5), cache.get([url], within=5))
    assert both[0] == both[1] != {}
    assert server.asked["slow"] == 1


@pytest.mark.parametrize("name", ["endless", "honest"])
async def test_fifty_megabytes_are_cut_off(server: Server, cache: AvatarCache, name: str) -> None:
    assert await cache.get([f"{server.base}/{name}"], within=5) == {}
    assert cache.size == 0
    # What was sent stands in buffers; most of it never was.
    assert server.sent < 25 * MEGABYTE


async def test_one_that_never_arrives_delays_nobody(server: Server, cache: AvatarCache) -> None:
    never, good = f"{server.base}/never", f"{server.base}/good"
    assert list(await cache.get([good], within=5)) == [good]
    for _ in range(2):  # it is still being waited for: nobody asks twice
        assert list(await cache.get([never, good], within=0.05)) == [good]
    async with asyncio.timeout(20):
        while not server.asked["never"]:  # noqa: ASYNC110 - it only counts
            await asyncio.sleep(0.01)
    assert server.asked["never"] == 1
    server.hold.set()


async def test_one_that_comes_late_is_there_the_next_time(
    server: Server, cache: AvatarCache
) -> None:
    url = f"{server.base}/slow"
    assert await cache.get([url], within=0) == {}
    assert list(await cache.get([url], within=5)) == [url]
    assert server.asked["slow"] == 1


async def test_time_runs_out_for_one_fetch(server: Server, clock: ManualClock) -> None:
    cache = AvatarCache(clock, allowed=lambda _: True, seconds=0.05)
    assert await cache.get([f"{server.base}/never"], within=5) == {}
    await cache.close()


@pytest.mark.parametrize("name", ["missing", "text", "cut", "svg", "bomb", "elsewhere", "empty"])
async def test_what_is_no_avatar_is_not_asked_for_again_soon(
    server: Server, cache: AvatarCache, clock: ManualClock, name: str
) -> None:
    server.files |= {
        "text": b"<html>not a picture</html>",
        "cut": picture()[:90],
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "bomb": bomb(60_000, 60_000),
        "empty": b"",
    }
    url = f"{server.base}/{name}"
    for _ in range(3):
        assert await cache.get([url], within=5) == {}
    assert server.asked[name] == 1
    assert server.asked["good"] == 0
    clock.advance(minutes=11)
    await cache.get([url], within=5)
    assert server.asked[name] == 2


async def test_memory_has_a_limit(server: Server, clock: ManualClock) -> None:
    one = len(small(picture()))
    cache = AvatarCache(clock, allowed=lambda _: True, memory=3 * one)
    names = [f"slow{number}" for number in range(5)]
    for name in names:
        await cache.get([f"{server.base}/{name}"], within=5)
        await cache.get([f"{server.base}/slow0"], within=5)
    assert cache.size <= 3 * one
    kept = [name for name in names if f"{server.base}/{name}" in cache]
    # What was looked at last stays.
    assert kept == ["slow0", "slow3", "slow4"]
    await cache.close()


async def test_only_so_many_are_fetched_at_once(server: Server, clock: ManualClock) -> None:
    cache = AvatarCache(clock, allowed=lambda _: True, at_once=3, most_waiting=10)
    urls = [f"{server.base}/slow{number}" for number in range(20)]
    found = await cache.get(urls, within=5)
    assert server.most == 3
    assert len(found) == 10
    await cache.close()


async def test_a_closed_cache_fetches_nothing(server: Server, cache: AvatarCache) -> None:
    waiting = asyncio.create_task(cache.get([f"{server.base}/never"], within=60))
    await asyncio.sleep(0.02)
    await cache.close()
    assert await waiting == {}
    assert await cache.get([f"{server.base}/good"], within=5) == {}


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cdn.discordapp.com/avatars/1/a.png?size=128", True),
        ("https://media.discordapp.net/a.png", True),
        ("http://cdn.discordapp.com/a.png", False),
        ("https://cdn.discordapp.com:8443/a.png", False),
        ("https://cdn.discordapp.com.example.com/a.png", False),
        ("https://cdn.discordapp.com@127.0.0.1/a.png", False),
        ("https://127.0.0.1/a.png", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_discord_is_asked(url: str, allowed: bool) -> None:
    assert from_discord(url) is allowed


async def test_elsewhere_is_refused_without_being_asked(server: Server, clock: ManualClock) -> None:
    cache = AvatarCache(clock)
    assert await cache.get([f"{server.base}/good"], within=5) == {}
    assert not server.asked
    await cache.close()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(1, 1), (300, 100), (64, 512)])
def test_any_shape_becomes_a_square(kind: str, size: tuple[int, int]) -> None:
    assert Image.open(io.BytesIO(small(picture(kind, size)))).size == (SIZE, SIZE)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(AvatarRefused):
        small(picture(kind))


@pytest.mark.parametrize(
    "size", [(1_100, 1_100), (5_000, 5_000), (11_000, 11_000), (60_000, 60_000)]
)
def test_a_bomb_is_refused_before_it_unfolds(size: tuple[int, int]) -> None:
    with pytest.raises(AvatarRefused):
        small(bomb(*size))


def test_what_is_seen_through_gets_a_ground() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(out, "PNG")
    image = Image.open(io.BytesIO(small(out.getvalue())))
    assert image.mode == "RGB"
    assert image.getpixel((32, 32)) != (255, 0, 0)

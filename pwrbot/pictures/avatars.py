"""Members' avatars: fetched a few at a time, made small, kept as far as there is room.

Nothing that a URL gives can do harm: too much of it is cut off, too slow is left, and what is no
picture, or unfolds to an enormous one, is refused. A member without an avatar gets initials.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from PIL import Image

from pwrbot.clock import Clock
from pwrbot.errors import PwrbotError

log = structlog.get_logger(__name__)

SIZE: Final = 96
"""Pixels of a kept avatar's side: its disc on a card of ten."""

_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_MOST_PIXELS: Final = 1024 * 1024  # 128 by 128 are asked for; unfolded, one takes a dozen MiB
_CHUNK: Final = 16 * 1024
_FAILURES: Final = 5_000
_RETRY: Final = timedelta(minutes=10)


class AvatarRefused(PwrbotError):
    """This is no avatar: it comes from elsewhere than Discord, or is too large, or no picture."""


def from_discord(url: str) -> bool:
    """Whether Discord's own servers would be asked, over https."""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.hostname in _HOSTS and parts.port in (None, 443)


class AvatarCache:
    """Avatars by URL. What cannot be had is not asked for again for ten minutes."""

    def __init__(
        self,
        clock: Clock,
        *,
        allowed: Callable[[str], bool] = from_discord,
        memory: int = 16 * 1024 * 1024,
        most_bytes: int = 2 * 1024 * 1024,
        seconds: float = 5.0,
        at_once: int = 8,
        most_waiting: int = 400,
    ) -> None:
        """``memory`` is what all kept avatars may take, ``most_bytes`` what one may be as fetched,
        ``seconds`` what fetching one may take."""
        self._clock = clock
        self._allowed = allowed
        self._memory = memory
        self._most_bytes = most_bytes
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._failed: OrderedDict[str, datetime] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that the kept avatars take."""
        return self._size

    def __contains__(self, url: str) -> bool:
        return url in self._kept

    async def get(self, urls: Iterable[str], within: float) -> dict[str, bytes]:
        """The avatars that can be had within so many seconds, each a square image file.

        Those that come later are kept for the next time. Never raises for a URL.
        """
        wanted = list(dict.fromkeys(urls))
        tasks = [task for url in wanted if (task := self._fetching(url)) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within)
        return {url: found for url in wanted if (found := self._look_up(url)) is not None}

    async def close(self) -> None:
        """Fetch no more."""
        self._closed = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _look_up(self, url: str) -> bytes | None:
        found = self._kept.get(url)
        if found is not None:
            self._kept.move_to_end(url)
        return found

    def _fetching(self, url: str) -> asyncio.Task[None] | None:
        """The task that fetches it; None where it is known, or not to be had now."""
        if url in self._under_way:
            return self._under_way[url]
        failed = self._failed.get(url)
        if failed is not None and self._clock.now() - failed < _RETRY:
            return None
        if url in self._kept or self._closed or len(self._under_way) >= self._most_waiting:
            return None
        task = asyncio.create_task(self._fetch(url), name="avatar")
        self._under_way[url] = task
        task.add_done_callback(lambda _: self._under_way.pop(url, None))
        return task

    async def _fetch(self, url: str) -> None:
        try:
            async with self._free:
                raw = await self._download(url)
                avatar = await asyncio.to_thread(small, raw)
        except (AvatarRefused, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Not the address: it names a member.
            log.debug("avatar_not_fetched", error=type(error).__name__)
            self._failed[url] = self._clock.now()
            self._failed.move_to_end(url)
            while len(self._failed) > _FAILURES:
                self._failed.popitem(last=False)
        else:
            self._failed.pop(url, None)
            self._keep(url, avatar)

    async def _download(self, url: str) -> bytes:
        if not self._allowed(url):
            raise AvatarRefused
        async with self._asked(url) as response:
            length = response.content_length
            if response.status != 200 or (length is not None and length > self._most_bytes):
                raise AvatarRefused
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._most_bytes:
                    raise AvatarRefused
            return bytes(body)

    @asynccontextmanager
    async def _asked(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        # Not where it is redirected: that could be anywhere.
        async with self._session.get(url, allow_redirects=False) as response:
            try:
                yield response
            except BaseException:
                response.close()  # the rest of the body is not read
                raise

    def _keep(self, url: str, avatar: bytes) -> None:
        self._size += len(avatar) - len(self._kept.pop(url, b""))
        self._kept[url] = avatar
        while self._size > self._memory:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def small(raw: bytes) -> bytes:
    """The picture in these bytes as a small square image file, its first frame where it moves.

    Raises AvatarRefused for anything else, and for one of more pixels than an avatar has.
    """
    try:
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
            width, height = image.size
            if not 0 < width * height <= _MOST_PIXELS:
                raise AvatarRefused
            if image.format == "JPEG":
                image.draft("RGB", (SIZE * 2, SIZE * 2))
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.convert("RGBA").crop((left, top, left + side, top + side))
    except AvatarRefused:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for what it cannot read
        raise AvatarRefused(f"{AvatarRefused.__doc__} ({type(error).__name__})") from None
    square = square.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    ground = Image.new("RGB", square.size, (49, 53, 68))
    ground.paste(square, mask=square.getchannel("A"))
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=92)
    return out.getvalue()

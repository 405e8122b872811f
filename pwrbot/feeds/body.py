"""Reads a response's body: unpacked as it comes, given up as soon as it is too large."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from pwrbot.feeds.errors import FeedUnreadable, HostUnreachable

ENCODINGS: Final = "gzip, deflate"
"""What is asked for. Brotli is not: it would be one more package to unpack other people's bytes."""

PIECE: Final = 256 * 1024
"""What is unpacked before others get their turn on the event loop."""


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """The body, unpacked; raises FeedUnreadable once it is larger than ``limit`` bytes.

    ``encoding`` is the Content-Encoding. A small packed body that would unpack to a large one
    ends after ``limit`` bytes of it, whatever it claims.
    """
    unpack = _unpacker(encoding)
    body = bytearray()
    came = 0
    async for chunk in chunks:
        came += len(chunk)
        if came > limit:  # what unpacks to nothing is work all the same
            raise FeedUnreadable("too_large")
        if unpack is None:
            body += chunk
        else:
            async for piece in unpack.pieces(chunk):
                body += piece
                if len(body) > limit:
                    break
        if len(body) > limit:
            raise FeedUnreadable("too_large")
    if unpack is not None and not unpack.is_whole:
        raise HostUnreachable("broken")
    return bytes(body)


def _unpacker(encoding: str) -> _Unpacker | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Unpacker(may_be_bare=False)
        case "deflate":
            return _Unpacker(may_be_bare=True)
        case _:  # not what was asked for
            raise FeedUnreadable("api")


class _Unpacker:
    """gzip, zlib, and the bare deflate that some servers mean by ``deflate``."""

    def __init__(self, *, may_be_bare: bool) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._may_be_bare = may_be_bare
        self.is_whole = True

    async def pieces(self, chunk: bytes) -> AsyncIterator[bytes]:
        data = chunk
        while data:
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error:
                if not self._may_be_bare:
                    raise HostUnreachable("broken") from None
                self._may_be_bare, self._zlib = False, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._may_be_bare = False
            self.is_whole = self._zlib.eof
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece
                await asyncio.sleep(0)
            if self._zlib.eof:
                await asyncio.sleep(0)
                data = self._zlib.unused_data
                if not data.startswith(b"\x1f\x8b"):  # padding; another member would be gzip's
                    return
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)

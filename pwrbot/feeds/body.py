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
    async for chunk in chunks:
        if unpack is None:
            body += chunk
        else:
            async for piece in unpack.pieces(chunk):
                body += piece
                if len(body) > limit:
                    break
        if len(body) > limit:
            raise FeedUnreadable("too_large")
    return bytes(body)


def _unpacker(encoding: str) -> _Unpacker | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return _Unpacker()
        case _:  # not what was asked for
            raise FeedUnreadable("api")


class _Unpacker:
    """gzip, zlib, and the bare deflate that some servers mean by ``deflate``."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False

    async def pieces(self, chunk: bytes) -> AsyncIterator[bytes]:
        data = chunk
        while data:
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error:
                if self._begun:
                    raise HostUnreachable("broken") from None
                self._begun, self._zlib = True, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._begun = True
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece
                await asyncio.sleep(0)
            if self._zlib.eof:
                data = self._zlib.unused_data
                if not data.startswith(b"\x1f\x8b"):  # padding; another member would be gzip's
                    return
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)

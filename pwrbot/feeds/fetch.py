"""The one HTTP client of the feeds: polite, patient within bounds, and only on the public internet.

Every hop of a redirect is checked like the first address. Nothing is kept between requests but
connections: no cookies, no credentials, no proxy of the environment.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, ParamSpec, Self, TypeVar

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy
from yarl import URL

from pwrbot import __version__
from pwrbot.clock import Clock
from pwrbot.feeds.addresses import Gate, GatedResolver, SystemResolver
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.body import ENCODINGS, read_body
from pwrbot.feeds.errors import (
    FeedError,
    FeedNotFound,
    FeedUnreadable,
    HostBusy,
    HostUnreachable,
    LinkNotSupported,
)
from pwrbot.feeds.model import URL_LIMIT, Validators
from pwrbot.feeds.pace import PATIENCE, POLITE, POLLING_PATIENCE, HostLimit, Pace

P = ParamSpec("P")
T = TypeVar("T")

USER_AGENT: Final = f"pwrbot/{__version__} (self-hosted Discord bot; reads feeds for its members)"

DOCUMENTS: Final = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9,"
    " text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)
JSON: Final = "application/json"

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a body, unpacked: ten times what podcasts with all their episodes need."""

REDIRECTS: Final = 5


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds."""

    total: float = 30
    """For a request and its whole body."""
    connect: float = 10
    """Name, connection and TLS."""
    read: float = 15
    """Between two pieces of the answer."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is of use: 2xx, or that nothing has changed."""

    url: str
    """Where it came from, after redirects."""
    body: bytes
    content_type: str
    """In lower case, without parameters; empty where not given."""
    charset: str | None
    validators: Validators
    not_modified: bool
    max_age: timedelta | None
    """How long the host says the answer holds."""
    moved_to: str | None
    """Where the host says the address has moved for good."""


class Fetcher:
    """Asks hosts, each at its pace."""

    def __init__(
        self,
        clock: Clock,
        *,
        allowed: AllowedHosts | None = None,
        limits: Mapping[str, HostLimit] | None = None,
        default_limit: HostLimit = POLITE,
        timeouts: Timeouts | None = None,
        largest: int = LARGEST,
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        user_agent: str = USER_AGENT,
    ) -> None:
        """``limits`` by host, with its port if that is not the scheme's own."""
        self._clock = clock
        self.gate = Gate(allowed or AllowedHosts())
        self._pace = Pace(clock, limits or {}, default_limit)
        self._timeouts = timeouts or Timeouts()
        self._largest = largest
        self._resolver = resolver
        self._ssl = ssl_context
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": ENCODINGS}
        self._session: aiohttp.ClientSession | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feeds-parse")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a request under way fails."""
        if self._session is not None:
            await self._session.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def forget_names(self) -> None:
        """Ask the name server again for every host, as it is anyway after a minute."""
        if self._session is not None and isinstance(self._session.connector, aiohttp.TCPConnector):
            self._session.connector.clear_dns_cache()

    async def get(
        self, url: str, *, validators: Validators | None = None, accept: str = DOCUMENTS
    ) -> Response:
        """What is at a URL, redirects followed; raises FeedError.

        With ``validators`` of an earlier answer, ``not_modified`` says that nothing has changed;
        who has them polls, and waits less long for a turn than who has a member waiting.
        """
        patience = PATIENCE if validators is None else POLLING_PATIENCE
        known = validators or Validators()
        conditions = {"Accept": accept}
        if known.etag:
            conditions["If-None-Match"] = known.etag
        if known.last_modified:
            conditions["If-Modified-Since"] = known.last_modified
        hop, moved_to, permanent = _parsed(url), None, True
        for _ in range(REDIRECTS + 1):
            answer = await self._ask("GET", hop, conditions, None, patience)
            if isinstance(answer, _Redirect):
                permanent = permanent and answer.permanent
                hop = answer.to
                moved_to = str(hop) if permanent else moved_to
                continue
            if answer.status == 304 and len(conditions) == 1:
                # Nobody asked whether it has changed: the host's own cache leaks through.
                raise FeedUnreadable("api")
            if moved_to == url or len(moved_to or "") > URL_LIMIT:
                moved_to = None
            return _response(answer, known, moved_to)
        raise FeedUnreadable("redirects")

    async def post_json(
        self, url: str, document: Any, *, validators: Validators | None = None
    ) -> Response:
        """What a URL answers to a JSON document; raises FeedError. Redirects are not followed."""
        headers = {"Accept": JSON, "Content-Type": JSON}
        patience = PATIENCE if validators is None else POLLING_PATIENCE
        body = msgspec.json.encode(document)
        answer = await self._ask("POST", _parsed(url), headers, body, patience)
        if isinstance(answer, _Redirect):
            raise FeedUnreadable("redirects")
        return _response(answer, validators or Validators(), None)

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a parser off the event loop, one at a time; lxml works without the GIL."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: call(*args, **kwargs))

    async def _ask(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        data: bytes | None,
        patience: timedelta,
    ) -> _Answer | _Redirect:
        self.gate.check(url)
        name = _pace_name(url)
        async with self._pace.turn(name, patience):
            try:
                async with self._open().request(
                    method, url, headers=headers, data=data, allow_redirects=False
                ) as response:
                    return await self._read(response, url, name)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise _unreachable(error) from None

    async def _read(
        self, response: aiohttp.ClientResponse, url: URL, name: str
    ) -> _Answer | _Redirect:
        status, headers = response.status, response.headers
        if status in (301, 302, 303, 307, 308):
            return _Redirect(_target(url, headers), permanent=status in (301, 308))
        wait = _retry_after(headers, self._clock.now())
        if status == 429 or (status == 403 and headers.get("X-RateLimit-Remaining") == "0"):
            self._pace.hold(name, wait or timedelta(minutes=1))
            raise HostBusy(wait)
        if status == 503 and wait is not None:
            raise HostBusy(wait)
        if _spent(headers) and wait is not None:
            self._pace.hold(name, wait)
        if error := _failure(status):
            raise error
        body = b""
        if status != 304:
            if (length := response.content_length) is not None and length > self._largest:
                raise FeedUnreadable("too_large")
            encoding = headers.get("Content-Encoding", "")
            chunks = response.content.iter_chunked(64 * 1024)
            body = await read_body(chunks, encoding, self._largest)
        return _Answer(url=url, status=status, headers=headers, body=body)

    def _open(self) -> aiohttp.ClientSession:
        """The session: it belongs to the running loop, so the first request makes it."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=100,
                resolver=GatedResolver(self._resolver or SystemResolver(), self.gate),
                socket_factory=self.gate.socket,
                family=socket.AF_UNSPEC,
                ttl_dns_cache=60,
                ssl=self._ssl if self._ssl is not None else True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(
                    total=self._timeouts.total,
                    connect=self._timeouts.connect,
                    sock_read=self._timeouts.read,
                ),
            )
        return self._session


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    url: URL
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class _Redirect(msgspec.Struct, frozen=True):
    to: URL
    permanent: bool


def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except (ValueError, IndexError):
        raise LinkNotSupported from None


def _pace_name(url: URL) -> str:
    host = (url.raw_host or "").lower()
    return host if url.is_default_port() else f"{host}:{url.port}"


def _target(url: URL, headers: Mapping[str, str]) -> URL:
    try:
        return url.join(URL(headers["Location"].strip())).with_fragment(None)
    except (KeyError, ValueError, IndexError):
        raise FeedUnreadable("redirects") from None


def _failure(status: int) -> FeedError | None:
    if status in (404, 410):
        return FeedNotFound()
    if status >= 500:
        return HostUnreachable("server_error")
    if status in (401, 402, 403, 407, 451):
        return FeedUnreadable("forbidden")
    if status not in (200, 203, 304):
        return FeedUnreadable("api")
    return None


def _unreachable(error: Exception) -> FeedError:
    match error:
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return HostUnreachable("dns")
        case TimeoutError():
            return HostUnreachable("timeout")
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            return HostUnreachable("tls")
        case aiohttp.ClientConnectorError():
            return HostUnreachable("refused")
        case aiohttp.InvalidURL() | UnicodeError():
            return LinkNotSupported()
        case _:
            return HostUnreachable("broken")


def _response(answer: _Answer, known: Validators, moved_to: str | None) -> Response:
    headers = answer.headers
    content_type, _, parameters = headers.get("Content-Type", "").partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
    unchanged = answer.status == 304
    digest = hashlib.blake2b(answer.body, digest_size=16).hexdigest()
    return Response(
        url=str(answer.url),
        body=answer.body,
        content_type=content_type.strip().lower(),
        charset=charset[1] if charset else None,
        validators=Validators(
            etag=_short(headers.get("ETag")) or (known.etag if unchanged else None),
            last_modified=_short(headers.get("Last-Modified"))
            or (known.last_modified if unchanged else None),
            digest=known.digest if unchanged else digest,
        ),
        not_modified=unchanged or digest == known.digest,
        max_age=_max_age(headers),
        moved_to=moved_to,
    )


def _short(value: str | None) -> str | None:
    return value if value and len(value) <= 300 and value.isprintable() else None


def _max_age(headers: Mapping[str, str]) -> timedelta | None:
    match = re.search(r"max-age\s*=\s*\"?([0-9]{1,9})", headers.get("Cache-Control", ""), re.I)
    return timedelta(seconds=int(match[1])) if match and int(match[1]) else None


def _spent(headers: Mapping[str, str]) -> bool:
    """Whether the host says that this request was the last of its window."""
    try:
        return float(headers["X-RateLimit-Remaining"]) < 1
    except (KeyError, ValueError):
        return False


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long to wait: seconds or a date (RFC 9110, 10.2.3), else one of the usual extensions,
    which give seconds (Reddit) or a Unix time (AniList, MangaDex, GitHub)."""
    for name in ("Retry-After", "X-RateLimit-Retry-After", "X-RateLimit-Reset"):
        if (wait := _wait(headers.get(name, "").strip(), now)) is not None:
            return wait
    return None


def _wait(text: str, now: datetime) -> timedelta | None:
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        number = float(text)
        if number > 1_000_000_000:
            number -= now.timestamp()
        return timedelta(seconds=max(0.0, min(number, 30 * 86_400)))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), moment - now)

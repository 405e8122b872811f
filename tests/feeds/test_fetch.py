"""The HTTP client: what it asks, what it refuses, and how it gives up."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from aiohttp import web

from pwrbot import __version__
from pwrbot.clock import ManualClock, SystemClock
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.errors import (
    AddressRefused,
    FeedError,
    FeedNotFound,
    FeedUnreadable,
    HostBusy,
    HostUnreachable,
    LinkNotSupported,
)
from pwrbot.feeds.fetch import REDIRECTS, Fetcher, Timeouts
from pwrbot.feeds.model import Validators
from tests.feeds.conftest import ANY, LOOPBACK, QUICK
from tests.feeds.hosts import Host, Names, answer, serving

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)


async def fails(fetch: Fetcher, url: str) -> FeedError:
    with pytest.raises(FeedError) as caught:
        await fetch.get(url)
    return caught.value


# What it asks


async def test_it_says_who_it_is_and_keeps_nothing(host: Host, fetch: Fetcher) -> None:
    host.says("/feed", "<rss/>", Set_Cookie="id=1")

    await fetch.get(host.url("/feed"))
    await fetch.get(host.url("/feed"))

    headers = host.requests[1].headers
    assert headers["User-Agent"].startswith(f"pwrbot/{__version__} (")
    assert headers["Accept-Encoding"] == "gzip, deflate"
    assert "Cookie" not in headers


async def test_conditional_get(host: Host, fetch: Fetcher) -> None:
    host.on(
        "/feed",
        answer("<rss/>", ETag='W/"1"', Last_Modified="Mon, 06 May 2030 12:00:00 GMT"),
        answer(status=304, ETag='W/"2"'),
    )

    first = await fetch.get(host.url("/feed"))
    again = await fetch.get(host.url("/feed"), validators=first.validators)

    assert (first.not_modified, again.not_modified) == (False, True)
    assert host.requests[1].headers["If-None-Match"] == 'W/"1"'
    assert host.requests[1].headers["If-Modified-Since"] == "Mon, 06 May 2030 12:00:00 GMT"
    assert again.validators == Validators(
        'W/"2"', first.validators.last_modified, first.validators.digest
    )


async def test_a_host_that_knows_no_validators_is_compared_by_content(
    host: Host, fetch: Fetcher
) -> None:
    host.on("/feed", answer("<rss/>"), answer("<rss/>"), answer("<rss></rss>"))

    first = await fetch.get(host.url("/feed"))
    same = await fetch.get(host.url("/feed"), validators=first.validators)
    other = await fetch.get(host.url("/feed"), validators=same.validators)

    assert [answered.not_modified for answered in (first, same, other)] == [False, True, False]


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"<rss/>", mtime=0)),
        ("x-gzip", gzip.compress(b"<rss/>", mtime=0) + b"\0" * 512),
        ("gzip", gzip.compress(b"<rs", mtime=0) + gzip.compress(b"s/>", mtime=0)),
        ("deflate", zlib.compress(b"<rss/>")),
        ("deflate", zlib.compress(b"<rss/>")[2:-4]),
        ("identity", b"<rss/>"),
    ],
)
async def test_packed_bodies(host: Host, fetch: Fetcher, encoding: str, packed: bytes) -> None:
    host.says("/feed", packed, Content_Encoding=encoding)

    assert (await fetch.get(host.url("/feed"))).body == b"<rss/>"


@pytest.mark.parametrize("body", [b"<rss/>", gzip.compress(b"<rss/>", mtime=0)[:-9]])
async def test_a_body_that_is_not_packed_as_it_says(
    host: Host, fetch: Fetcher, body: bytes
) -> None:
    host.says("/feed", body, Content_Encoding="gzip")

    assert (await fails(fetch, host.url("/feed"))).reason == "broken"


async def test_an_encoding_nobody_asked_for(host: Host, fetch: Fetcher) -> None:
    host.says("/feed", b"<rss/>", Content_Encoding="br")

    assert (await fails(fetch, host.url("/feed"))).reason == "api"


async def test_how_long_an_answer_holds(host: Host, fetch: Fetcher) -> None:
    host.says("/feed", "<rss/>", Cache_Control="public, max-age=1800")

    assert (await fetch.get(host.url("/feed"))).max_age == timedelta(minutes=30)


# Redirects


async def test_where_a_feed_has_moved_for_good(host: Host, fetch: Fetcher) -> None:
    host.says("/old", status=301, Location="/older?x=1#top")
    host.says("/older?x=1", status=308, Location=host.url("/kept"))
    host.says("/kept", status=302, Location="/today")
    host.says("/today", "<rss/>")

    response = await fetch.get(host.url("/old"))

    assert response.moved_to == host.url("/kept")
    assert response.url == host.url("/today")


async def test_after_a_temporary_redirect_nothing_has_moved(host: Host, fetch: Fetcher) -> None:
    host.says("/old", status=307, Location="/b")
    host.says("/b", status=301, Location="/c")
    host.says("/c", "<rss/>")

    assert (await fetch.get(host.url("/old"))).moved_to is None


@pytest.mark.parametrize("location", ["/loop", "/loop?", "//[", "http://[::1]é@"])
async def test_endless_redirects(host: Host, fetch: Fetcher, location: str) -> None:
    host.says("/loop", status=302, Location=location)

    assert (await fails(fetch, host.url("/loop"))).reason == "redirects"
    assert len(host.requests) <= REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret",
        "http://localhost:{port}/secret",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://127.1:{port}/secret",
        "http://0.0.0.0:{port}/secret",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/secret",
        "http://user@127.0.0.1:{port}/secret",
        "http://0x7f.1:{port}/secret",
        "http://0177.0.0.1:{port}/secret",
        "http://[::]:{port}/secret",
        "http://\uff11\uff12\uff17.0.0.1:{port}/secret",  # digits of full width
    ],
)
async def test_a_redirect_to_an_address_that_is_not_public(
    host: Host, other_host: Host, target: str
) -> None:
    other_host.says("/secret", "<rss/>")
    host.says("/feed", status=302, Location=target.format(port=other_host.port))
    allowed = AllowedHosts.parse([f"127.0.0.1:{host.port}"])

    async with Fetcher(SystemClock(), allowed=allowed, timeouts=QUICK) as fetch:
        error = await fails(fetch, host.url("/feed"))

    assert isinstance(error, AddressRefused)
    assert other_host.requests == []


async def test_a_redirect_to_a_host_that_cannot_be(host: Host, fetch: Fetcher) -> None:
    host.says("/feed", status=302, Location="http://xn--.=/")

    assert (await fails(fetch, host.url("/feed"))).reason in ("dns", "link")


async def test_no_proxy_of_the_environment_is_asked(
    host: Host, other_host: Host, fetch: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other_host.base)
    host.says("/feed", "<rss/>")

    assert (await fetch.get(host.url("/feed"))).body == b"<rss/>"
    assert other_host.requests == []


# Addresses


async def test_loopback_is_refused_without_the_setting(host: Host) -> None:
    async with Fetcher(SystemClock()) as fetch:
        assert isinstance(await fails(fetch, host.url("/feed")), AddressRefused)
    assert host.requests == []


async def test_a_name_with_a_private_address(host: Host) -> None:
    names = Names(feed_example=[["127.0.0.1", "::1", "10.0.0.1"]])
    async with Fetcher(SystemClock(), resolver=names) as fetch:
        assert isinstance(await fails(fetch, "http://feed.example:8080/"), AddressRefused)
    assert names.asked == ["feed.example"]


@asynccontextmanager
async def two_hosts(first: str, second: str) -> AsyncIterator[tuple[Host, Host]]:
    """At two addresses with the same port: one that is free at both."""
    async with AsyncExitStack() as stack:
        while True:
            one = await stack.enter_async_context(serving(first))
            try:
                other = await stack.enter_async_context(serving(second, port=one.port))
            except OSError:
                continue
            break
        yield one, other


async def test_a_name_server_that_changes_its_answer() -> None:
    """What was checked is what is connected to; what comes after that is checked anew."""
    names = Names(feed_example=[["127.0.0.2"], ["127.0.0.1"]])
    allowed = AllowedHosts.parse(["127.0.0.2"])  # stands for the public internet
    async with two_hosts("127.0.0.2", "127.0.0.1") as (public, private):
        public.says("/feed", "<rss/>", Connection="close")
        private.says("/feed", "<secret/>")
        url = f"http://feed.example:{public.port}/feed"
        async with Fetcher(SystemClock(), allowed=allowed, resolver=names) as fetch:
            assert (await fetch.get(url)).body == b"<rss/>"
            assert names.asked == ["feed.example"]
            fetch.forget_names()
            assert isinstance(await fails(fetch, url), AddressRefused)
        assert private.requests == []


async def test_the_socket_is_checked_whatever_the_url_passed() -> None:
    """Should a spelling of an address get past the check of the URL, no connection is made."""
    async with serving() as private:
        async with Fetcher(SystemClock(), timeouts=QUICK) as fetch:
            fetch.gate.check = lambda url: None  # type: ignore[method-assign]
            assert isinstance(await fails(fetch, private.url("/feed")), AddressRefused)
        assert private.requests == []


@pytest.mark.parametrize("entry", ["news.local", "news.local:{port}", "NEWS.local"])
async def test_a_host_can_be_allowed_by_name(host: Host, entry: str) -> None:
    host.says("/feed", "<rss/>")
    allowed = AllowedHosts.parse([entry.format(port=host.port)])
    names = Names(news_local=[["127.0.0.1"]], other_local=[["127.0.0.1"]])
    async with Fetcher(SystemClock(), allowed=allowed, resolver=names) as fetch:
        await fetch.get(f"http://news.local:{host.port}/feed")
        error = await fails(fetch, f"http://other.local:{host.port}/feed")

    assert isinstance(error, AddressRefused)


@pytest.mark.parametrize(
    "url",
    ["https://user:secret@example.org/", "http://example.org:22/", "ftp://example.org/"],
)
async def test_urls_that_are_not_fetched(url: str) -> None:
    async with Fetcher(SystemClock(), resolver=Names()) as fetch:
        assert isinstance(await fails(fetch, url), AddressRefused)


# Bodies that are too much


async def test_fifty_megabytes(host: Host, fetch: Fetcher) -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b" " * 1024 * 1024)
            sent += 1
        return response

    host.on("/feed", flood)

    assert (await fails(fetch, host.url("/feed"))).reason == "too_large"
    assert sent < 50


async def test_fifty_megabytes_that_are_announced(host: Host, fetch: Fetcher) -> None:
    async def announce(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(50 * 1024 * 1024)})
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    host.on("/feed", announce)

    assert (await fails(fetch, host.url("/feed"))).reason == "too_large"


async def test_a_gzip_bomb_ends_early(host: Host) -> None:
    packed = gzip.compress(b" " * 20 * 1024 * 1024)
    assert len(packed) < 64 * 1024
    host.says("/feed", packed, Content_Encoding="gzip")

    async with Fetcher(SystemClock(), allowed=LOOPBACK, largest=100_000) as fetch:
        assert (await fails(fetch, host.url("/feed"))).reason == "too_large"


async def test_what_unpacks_to_nothing_is_too_much_as_well(host: Host) -> None:
    async def nothing(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(gzip.compress(b"") * 100)
        return response

    host.on("/feed", nothing)

    async with Fetcher(SystemClock(), allowed=LOOPBACK, largest=100_000) as fetch:
        assert (await fails(fetch, host.url("/feed"))).reason == "too_large"


# Hosts that fail


async def test_an_answer_of_nothing_new_to_who_knows_nothing(host: Host, fetch: Fetcher) -> None:
    """It would pass for a first poll, and all that is there already for news."""
    host.says("/feed", status=304)

    assert (await fails(fetch, host.url("/feed"))).reason == "api"


async def test_a_host_that_drips(host: Host) -> None:
    """Each byte comes in time, the whole does not."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    host.on("/feed", drip)
    timeouts = Timeouts(total=0.3, connect=5, read=5)
    async with Fetcher(SystemClock(), allowed=LOOPBACK, timeouts=timeouts) as fetch:
        assert (await fails(fetch, host.url("/feed"))).reason == "timeout"


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (404, FeedNotFound, "not_found"),
        (410, FeedNotFound, "not_found"),
        (401, FeedUnreadable, "forbidden"),
        (403, FeedUnreadable, "forbidden"),
        (500, HostUnreachable, "server_error"),
        (502, HostUnreachable, "server_error"),
        (418, FeedUnreadable, "api"),
        (429, HostBusy, "busy"),
        (503, HostUnreachable, "server_error"),
    ],
)
async def test_statuses(
    host: Host, fetch: Fetcher, status: int, kind: type[FeedError], reason: str
) -> None:
    host.says("/feed", "a <b>page</b> of the host", status=status)

    error = await fails(fetch, host.url("/feed"))

    assert (type(error), error.reason) == (kind, reason)
    assert "page" not in str(error).replace("There is a page", "")


async def test_a_host_that_never_answers(host: Host) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    host.on("/feed", never)
    timeouts = Timeouts(total=0.2, connect=5, read=5)
    async with Fetcher(SystemClock(), allowed=LOOPBACK, timeouts=timeouts) as fetch:
        assert (await fails(fetch, host.url("/feed"))).reason == "timeout"


async def test_a_host_that_stops_in_the_middle(host: Host) -> None:
    async def stop(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"<rss>")
        await asyncio.sleep(60)
        return response

    host.on("/feed", stop)
    timeouts = Timeouts(total=5, connect=5, read=0.2)
    async with Fetcher(SystemClock(), allowed=LOOPBACK, timeouts=timeouts) as fetch:
        assert (await fails(fetch, host.url("/feed"))).reason == "timeout"


async def test_an_answer_that_breaks_off(host: Host, fetch: Fetcher) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"<rss>")
        assert request.transport is not None
        request.transport.abort()
        return response

    host.on("/feed", break_off)

    assert (await fails(fetch, host.url("/feed"))).reason == "broken"


async def test_nobody_listens(fetch: Fetcher) -> None:
    async with serving() as gone:
        pass

    assert (await fails(fetch, gone.url("/feed"))).reason == "refused"


async def test_no_such_name() -> None:
    async with Fetcher(SystemClock(), resolver=Names()) as fetch:
        assert (await fails(fetch, "https://nowhere.example/")).reason == "dns"


@pytest.mark.parametrize("url", ["http://", "http://exa mple/", "http://[", "http://h:99999/"])
async def test_what_is_no_url(fetch: Fetcher, url: str) -> None:
    assert isinstance(await fails(fetch, url), (LinkNotSupported, AddressRefused, HostUnreachable))


@pytest.mark.parametrize("trouble", ["expired", "other name", "unknown authority", "none"])
async def test_certificates(trouble: str) -> None:
    authority = trustme.CA()
    past = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = authority.issue_cert(
        "other.example" if trouble == "other name" else "feed.example",
        not_before=past,
        not_after=past + timedelta(days=1) if trouble == "expired" else None,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server)
    client = ssl.create_default_context()
    if trouble != "unknown authority":
        authority.configure_trust(client)
    names = Names(feed_example=[["127.0.0.1"]])
    async with (
        serving(tls=server) as host,
        Fetcher(SystemClock(), allowed=LOOPBACK, resolver=names, ssl_context=client) as fetch,
    ):
        host.says("/feed", "<rss/>")
        url = f"https://feed.example:{host.port}/feed"
        if trouble == "none":
            assert (await fetch.get(url)).body == b"<rss/>"
        else:
            assert (await fails(fetch, url)).reason == "tls"


# Hosts that want to be left alone


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"Retry-After": "Mon, 06 May 2030 12:05:00 GMT"}, timedelta(minutes=5)),
        ({"X-RateLimit-Retry-After": str(int(NOON.timestamp()) + 60)}, timedelta(minutes=1)),
        ({"X-RateLimit-Reset": "30"}, timedelta(seconds=30)),
        ({"Retry-After": "Mon, 06 May 2030 11:00:00 GMT"}, timedelta(0)),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
async def test_how_long_a_host_wants_to_be_left_alone(
    host: Host, headers: dict[str, str], wait: timedelta | None
) -> None:
    host.says("/feed", status=429, **headers)
    async with Fetcher(ManualClock(NOON), allowed=LOOPBACK) as fetch:
        error = await fails(fetch, host.url("/feed"))

    assert isinstance(error, HostBusy)
    assert error.retry_after == wait


async def test_a_busy_host_is_left_alone_for_that_long(host: Host) -> None:
    host.on("/feed", answer(status=429, Retry_After="120"), answer("<rss/>"))
    host.says("/other", "<rss/>")
    clock = ManualClock(NOON)
    async with Fetcher(clock, allowed=LOOPBACK) as fetch:
        await fails(fetch, host.url("/feed"))
        clock.advance(seconds=100)
        error = await fails(fetch, host.url("/other"))
        assert isinstance(error, HostBusy)
        assert error.retry_after == timedelta(seconds=20)
        assert len(host.requests) == 1

        clock.advance(seconds=20)
        await fetch.get(host.url("/other"))


async def test_the_last_request_of_a_window_is_the_last(host: Host) -> None:
    host.says("/feed", "<rss/>", X_RateLimit_Remaining="0", X_RateLimit_Reset="60")
    async with Fetcher(ManualClock(NOON), allowed=LOOPBACK) as fetch:
        await fetch.get(host.url("/feed"))
        assert isinstance(await fails(fetch, host.url("/feed")), HostBusy)
    assert len(host.requests) == 1


async def test_a_page_that_is_unavailable_stops_no_other(host: Host) -> None:
    host.says("/feed", status=503, Retry_After="120")
    host.says("/other", "<rss/>")
    async with Fetcher(ManualClock(NOON), allowed=LOOPBACK) as fetch:
        error = await fails(fetch, host.url("/feed"))
        assert isinstance(error, HostBusy)
        assert error.retry_after == timedelta(minutes=2)
        await fetch.get(host.url("/other"))


async def test_json_is_posted_and_no_redirect_followed(host: Host, fetch: Fetcher) -> None:
    host.says("/api", '{"data": 1}', content_type="application/json")
    host.says("/moved", status=307, Location="/api")

    response = await fetch.post_json(host.url("/api"), {"query": "é"})

    assert response.body == b'{"data": 1}'
    assert host.bodies == ['{"query":"é"}'.encode()]
    with pytest.raises(FeedUnreadable):
        await fetch.post_json(host.url("/moved"), {})


async def test_requests_of_a_loop_that_is_gone_leave_nothing(host: Host) -> None:
    host.says("/feed", "<rss/>")
    fetch = Fetcher(SystemClock(), allowed=LOOPBACK, default_limit=ANY)
    await asyncio.gather(*(fetch.get(host.url("/feed")) for _ in range(20)))
    await fetch.close()
    await fetch.close()

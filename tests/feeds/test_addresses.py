"""Which addresses are public, and what a setting allows."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading

import pytest

from pwrbot.feeds.addresses import SystemResolver, is_public
from pwrbot.feeds.allowed import AllowedHosts


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
        "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "2002:7f00:1::",
        "2002:a00:1::", "2001::1", "2001:db8::1", "100::1", "fc00::1", "fd12::1", "fe80::1",
        "fec0::1", "ff02::1", "ff0e::1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
        "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8", "2002:808:808::",
    ],
)  # fmt: skip
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_names_that_are_slow_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def look_up(host: str, port: int, **_: object) -> list[object]:
        if host.startswith("slow"):
            go_on.wait(10)
        address = ("192.0.2.1", port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolver = SystemResolver()
    slow = [asyncio.create_task(resolver.resolve(f"slow{n}.example")) for n in range(20)]
    await asyncio.sleep(0.05)  # each has a thread, or waits for one
    try:
        async with asyncio.timeout(5):
            (found,) = await resolver.resolve("quick.example", 443)
        assert found["host"] == "192.0.2.1"
        assert not any(task.done() for task in slow)
    finally:
        go_on.set()
        await asyncio.gather(*slow)
        await resolver.close()


def test_what_can_be_allowed() -> None:
    allowed = AllowedHosts.parse(
        ["News.home.arpa", "192.168.1.20:3000", " 10.1.0.0/16 ", "[fd00::1]:8000", "fd12::/16", ""]
    )

    assert allowed.has_host("news.HOME.arpa", 1234)
    assert not allowed.has_host("evil.news.home.arpa", 1234)
    assert allowed.has_host("192.168.1.20", 3000)
    assert not allowed.has_host("192.168.1.20", 3001)
    assert allowed.has_host("fd00::1", 8000)
    assert allowed.has_address(ipaddress.ip_address("10.1.2.3"))
    assert not allowed.has_address(ipaddress.ip_address("10.2.0.1"))
    assert allowed.has_address(ipaddress.ip_address("fd12:3::4"))


@pytest.mark.parametrize("entry", ["a b", "host:0", "host:99999", "http://host", "10.0.0.1/8", "*"])
def test_what_cannot_be_allowed(entry: str) -> None:
    with pytest.raises(ValueError, match="takes hosts"):
        AllowedHosts.parse([entry])

"""Which addresses may be fetched: public ones, and those that whoever runs the bot allows.

A name is resolved once, what it resolves to is checked, and exactly that is connected to: a name
server that changes its answer in between is not asked again. The socket checks once more.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pwrbot.feeds.allowed import Address, AllowedHosts
from pwrbot.feeds.errors import AddressRefused

_LOOKUPS: Final = 32  # names asked for at once: a dead name server keeps a thread for half a minute

PORTS: Final = frozenset({80, 443, 8080, 8443})
"""Where the web is; a feed cannot make the bot knock at other doors of a public host."""


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, whichever way it is wrapped in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        for network, inner in _WRAPPED:
            if address in network:
                return inner is not None and is_public(inner(address))
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


class Gate:
    """Lets through what may be fetched: a URL, an address that a name has, a socket."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self._vouched: set[tuple[str, int]] = set()

    def check(self, url: URL) -> None:
        """Raises AddressRefused for a URL whose scheme, port or literal address is not allowed."""
        host, port = url.raw_host, url.port
        if url.scheme not in ("http", "https") or not host or port is None:
            raise AddressRefused
        if url.raw_user or url.raw_password:
            raise AddressRefused(_CREDENTIALS)
        if self._allowed.has_host(host, port):
            return
        # What looks like an address to aiohttp is never resolved: 0177.1, 2130706433.
        if ":" in host or host.replace(".", "").isdigit():
            if not self._may(host):
                raise AddressRefused
            if self._allowed.has_address(_address(host)):
                return
        elif self._allowed.networks:
            return  # its port is checked with its addresses
        if port not in PORTS:
            raise AddressRefused(_PORT)

    def let_through(self, host: str, port: int, found: list[ResolveResult]) -> list[ResolveResult]:
        """Those of a name's addresses that may be connected to; raises AddressRefused if none."""
        if self._allowed.has_host(host, port):
            if len(self._vouched) > 10_000:
                self._vouched.clear()
            self._vouched.update((result["host"], port) for result in found)
            return found
        good = [result for result in found if self._may(result["host"])]
        if port not in PORTS:
            good = [r for r in good if self._allowed.has_address(_address(r["host"]))]
        if found and not good:
            raise AddressRefused
        return good

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The socket for a connection, made only for an address that may be connected to."""
        family, kind, proto, _, address = info
        host, port = str(address[0]), int(address[1])
        if not (
            self._may(host) or (host, port) in self._vouched or self._allowed.has_host(host, port)
        ):
            raise AddressRefused
        return socket.socket(family=family, type=kind, proto=proto)

    def _may(self, host: str) -> bool:
        try:
            address = _address(host)
        except ValueError:
            return False
        return is_public(address) or self._allowed.has_address(address)


class GatedResolver(AbstractResolver):
    """A resolver that gives only what the gate lets through."""

    def __init__(self, inner: AbstractResolver, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return self._gate.let_through(host, port, await self._inner.resolve(host, port, family))

    async def close(self) -> None:
        await self._inner.close()


class SystemResolver(AbstractResolver):
    """The machine's resolver, in threads of its own: slow names hold up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="feeds-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        def ask() -> list[Any]:
            return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)

        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=found_family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, proto, _, address in found
            if found_family in (socket.AF_INET, socket.AF_INET6)
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


_CREDENTIALS: Final = "A link with a name and password in it is not fetched: give one without."
_PORT: Final = (
    "Only the ports 80, 443, 8080 and 8443 are fetched: give a link without another port."
    " Who runs the bot can allow hosts of their own with FEED_ALLOWED_HOSTS."
)


def _address(host: str) -> Address:
    return ipaddress.ip_address(host.strip("[]").partition("%")[0])


def _last_32_bits(address: ipaddress.IPv6Address) -> Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _bits_16_to_48(address: ipaddress.IPv6Address) -> Address:
    return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)


# IPv4 inside IPv6, and how to take it out: mapped (RFC 4291), compatible (the same, deprecated),
# translated (RFC 2765), NAT64 (RFC 6052; its local prefix of RFC 8215 leads nowhere public),
# 6to4 (RFC 3056), Teredo (RFC 4380: leads to whoever the sender names).
_WRAPPED: Final = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), _last_32_bits),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), _last_32_bits),
    (ipaddress.IPv6Network("::/96"), _last_32_bits),
    (ipaddress.IPv6Network("64:ff9b::/96"), _last_32_bits),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), None),
    (ipaddress.IPv6Network("2002::/16"), _bits_16_to_48),
    (ipaddress.IPv6Network("2001::/32"), None),
)

# Beyond what is_global of the oldest supported Python knows.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "240.0.0.0/4", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16",
        "fc00::/7", "fe80::/10", "fec0::/10",
    )
)  # fmt: skip

"""Hosts that feeds may be fetched from though they are not public: a setting of whoever runs it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AllowedHosts(msgspec.Struct, frozen=True):
    """What is allowed beyond the public internet, on any port unless one is given."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowedHosts:
        """Of ``host``, ``host:port``, an address or a network (CIDR); raises ValueError."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[Network] = []
        for entry in (text.strip().lower() for text in entries):
            if not entry:
                continue
            try:
                networks.append(ipaddress.ip_network(entry))
                continue
            except ValueError:
                pass
            match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?", entry)
            if match is None or int(match[2] or 1) not in range(1, 65_536):
                raise ValueError(
                    "takes hosts (with :port if need be) and networks such as 10.0.0.0/8"
                )
            hosts.add((match[1].strip("[]"), int(match[2]) if match[2] else None))
        return cls(frozenset(hosts), tuple(networks))

    def has_host(self, host: str, port: int) -> bool:
        host = host.lower().strip("[]")
        return (host, None) in self.hosts or (host, port) in self.hosts

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

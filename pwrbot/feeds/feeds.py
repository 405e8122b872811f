"""The feeds as the rest of the program has them: find what a link leads to, poll what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from yarl import URL

from pwrbot.clock import Clock
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.source import Source, Sources


class Feeds:
    """Every source behind one client. Close it, or use it as an async context manager."""

    def __init__(
        self,
        clock: Clock,
        *,
        allowed: AllowedHosts | None = None,
        endpoints: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """``endpoints``: base URLs by platform_id in place of the sources' own, for proxies and
        tests; their hosts are allowed. ``options`` are those of Fetcher.
        """
        self.sources = Sources(endpoints)
        allowed = allowed or AllowedHosts()
        own = {(base.host or "", base.port) for base in map(URL, (endpoints or {}).values())}
        self.fetch = Fetcher(
            clock,
            allowed=AllowedHosts(allowed.hosts | own, allowed.networks),
            limits=_limits(self.sources) | dict(options.pop("limits", None) or {}),
            **options,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.fetch.close()

    def of_link(self, link: str) -> tuple[Source, str]:
        """The source that knows a link, and the link's one spelling; raises LinkNotSupported."""
        return self.sources.of_link(link)

    async def find(self, link: str) -> FoundFeed:
        """The feed that a link leads to; raises FeedError."""
        source, url = self.of_link(link)
        return await source.find(url, self.fetch)

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled:
        """What a feed shows now, by the ``validators`` of its last poll; raises FeedError."""
        source = self.sources.of_platform(feed.platform_id)
        return await source.poll(feed, validators or Validators(), self.fetch)


def _limits(sources: Sources) -> dict[str, HostLimit]:
    limits: dict[str, HostLimit] = {}
    for source in sources:
        if source.limit is not None and source.base:
            base = URL(source.base)
            name = base.host if base.is_default_port() else f"{base.host}:{base.port}"
            limits[name or ""] = source.limit
    return limits

"""The protocol of a source, and the list of those there are.

A new source is one file in ``pwrbot/feeds/sources/`` with a class that fits ``Source`` and a line
``SOURCE = ThatClass``: it is picked up from there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import ClassVar, Protocol

from pwrbot.errors import ConfigError
from pwrbot.feeds import sources
from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.urls import tidy_link


class Source(Protocol):
    """A kind of feed, found by its links."""

    platform_id: ClassVar[str]
    """Stored with every feed: never changes."""
    name: ClassVar[str]
    """For people."""
    example: ClassVar[str]
    """A link that works."""
    endpoint: ClassVar[str]
    """The base URL of what is asked; a setting may put another in its place."""
    limit: ClassVar[HostLimit | None]
    """What the endpoint's host allows, where it says."""
    last_resort: ClassVar[bool]
    """Asked only once every other source has said no."""

    base: str
    """The endpoint that is in use."""

    def __init__(self, base: str) -> None: ...

    def matches(self, url: str) -> bool:
        """Whether this source knows the host and the path of a tidy URL."""
        ...

    def normalise(self, url: str) -> str:
        """The one spelling of a URL that ``matches``; raises LinkNotSupported, saying what does."""
        ...

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        """The feed that a normalised URL leads to; raises FeedError."""
        ...

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        """What the feed shows now; raises FeedError."""
        ...


class Sources:
    """Every source, each with its endpoint."""

    def __init__(self, endpoints: Mapping[str, str] | None = None) -> None:
        """``endpoints``: other base URLs by platform_id. Raises ConfigError for an unknown one."""
        given = dict(endpoints or {})
        self._by_platform: dict[str, Source] = {
            source.platform_id: source(given.pop(source.platform_id, source.endpoint).rstrip("/"))
            for source in _classes()
        }
        if given:
            known = ", ".join(self._by_platform)
            raise ConfigError(f"FEED_ENDPOINTS names {', '.join(given)}; there are {known}.")

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_platform.values())

    def of_platform(self, platform_id: str) -> Source:
        """Raises LinkNotSupported where this version has no such source."""
        if (source := self._by_platform.get(platform_id)) is None:
            raise LinkNotSupported("This version of the bot knows no such kind of feed any more.")
        return source

    def of_link(self, link: str) -> tuple[Source, str]:
        """The source of what somebody typed, and its one spelling; raises LinkNotSupported."""
        url = tidy_link(link)
        for source in self:
            if source.matches(url):
                return source, source.normalise(url)
        raise LinkNotSupported


def _classes() -> list[type[Source]]:
    names = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    modules = [importlib.import_module(f"{sources.__name__}.{name}") for name in names]
    return sorted((module.SOURCE for module in modules), key=lambda source: source.last_resort)

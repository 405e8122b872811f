"""Who follows which feed: subscribing, finding, listing, removing, for servers and for members."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal, Protocol

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import Feed, FeedSubscription, SubscribedFeed, Subscriber, SubscriberKind
from pwrbot.feeds.errors import FeedError
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.source import Source
from pwrbot.repository import Repository
from pwrbot.repository.errors import ForeignKeyViolation, UniqueViolation
from pwrbot.repository.repository import Transaction

log = structlog.get_logger(__name__)

PAGE: Final = 5
"""Feeds on a page of a list."""
AT_ONCE: Final = 4
"""Links of one command that are looked at together."""
MOST_FOLLOWED: Final = 1000
"""Feeds that one server, or one member, can follow."""


class Follower(msgspec.Struct, frozen=True):
    """A member's direct messages, or a server."""

    kind: SubscriberKind
    target_id: int


class FeedSource(Protocol):
    """What finds and reads feeds: ``pwrbot.feeds.feeds.Feeds`` is it."""

    def of_link(self, link: str) -> tuple[Source, str]: ...

    async def find(self, link: str) -> FoundFeed: ...

    async def poll(self, feed: Followed, validators: Validators | None = None) -> Polled: ...


Outcome = Literal["subscribed", "already", "moved", "failed"]


class LinkResult(msgspec.Struct, frozen=True):
    """What became of one link."""

    link: str
    outcome: Outcome
    feed: Feed | None = None
    """None where it failed."""
    error: str | None = None
    """What went wrong and what to do, for the member who asked."""
    channel_id: int | None = None
    """Where the subscription's items go now."""


class Removed(msgspec.Struct, frozen=True):
    """A subscription that was ended, with all that is needed to have it back."""

    feed: Feed
    subscription: FeedSubscription


class FeedPage(msgspec.Struct, frozen=True):
    """A page of what somebody follows, by name."""

    rows: list[SubscribedFeed]
    page: int
    pages: int
    total: int


class FeedService:
    """The subscriptions. Rights are the caller's to check."""

    def __init__(self, repository: Repository, clock: Clock, source: FeedSource) -> None:
        self._repository = repository
        self._clock = clock
        self._source = source

    # Subscribing

    async def subscribe_all(
        self,
        follower: Follower,
        links: Sequence[str],
        channel_id: int | None,
        tell: Callable[[int, LinkResult], None] | None = None,
        *,
        move: bool = False,
    ) -> list[LinkResult]:
        """Follow each link, a few at a time; ``tell`` hears of each as it is done, with its index.

        A link that fails does not hold up the others. ``move``: a feed that is followed already
        is told in this channel from now on.
        """
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(index: int, link: str) -> LinkResult:
            async with turn:
                try:
                    result = await self.subscribe(follower, link, channel_id, move=move)
                except FeedError as error:
                    result = LinkResult(link, "failed", error=str(error))
            if tell is not None:
                tell(index, result)
            return result

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*numbered)) for numbered in enumerate(links)]
        return [task.result() for task in tasks]

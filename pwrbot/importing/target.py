"""Our database as an import sees it: what is there, and what is added, or would be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import msgspec

from pwrbot.config import Config
from pwrbot.database import engine_options, open_database
from pwrbot.entities import (
    Feed,
    FeedItem,
    FeedItemId,
    FeedSubscription,
    Settings,
    SubscriberKind,
    VoiceSession,
    VoiceSpan,
)
from pwrbot.repository import Repository, Tables, Transaction
from pwrbot.repository.errors import DecodeError, QueryFileError
from pwrbot.repository.url import SQLiteURL, parse_url
from pwrbot.services.feeds import FIRST_INTERVAL_SECONDS
from pwrbot.services.voice_sessions import add_sessions

T = TypeVar("T")

_AT_ONCE = 1000
"""Rows looked for or added by one statement."""


class Stage:
    """A part of an import that is kept or lost as a whole.

    What is there already is never changed. Nothing is written in a dry run.
    """

    def __init__(self, tables: Tables | None, *, dry: bool) -> None:
        self._tables = tables
        self._dry = dry
        self._made_up = 0

    async def feeds(self) -> list[Feed]:
        """The feeds that are there."""
        return await self._tables.feeds.select_all() if self._tables else []

    async def add_feed(self, feed: Feed) -> Feed:
        """The feed with its id; in a dry run one that no feed has."""
        if self._tables is None or self._dry:
            return msgspec.structs.replace(feed, id=self._next_id())
        return await self._tables.feeds.insert(feed)

    async def subscriber(self, kind: SubscriberKind, target_id: int) -> tuple[int, bool]:
        """The id of the subscriber, and whether it was there; made where it was not."""
        if self._tables is not None:
            found = await self._tables.subscribers.by_target(kind=kind, target_id=target_id)
            if found is not None:
                return found.id, True
            if not self._dry:
                made = await self._tables.subscribers.ensure(kind=kind, target_id=target_id)
                return made.id, False
        return self._next_id(), False

    async def add_items(self, items: Sequence[FeedItem]) -> int:
        """Add those that their feed never had, not even one since removed, and say how many."""
        added = 0
        for part in _parts(items):
            keys = [(item.feed_id, item.item_id) for item in part]
            there = await self._tables.feed_item_ids.select_many(keys) if self._tables else []
            taken = {(one.feed_id, one.item_id) for one in there}
            new = [item for item, key in zip(part, keys, strict=True) if key not in taken]
            if self._tables and not self._dry:
                ids = [FeedItemId(item.feed_id, item.item_id) for item in new]
                await self._tables.feed_item_ids.insert_many(ids)
                await self._tables.feed_items.insert_many(new)
            added += len(new)
        return added

    async def add_subscriptions(
        self, subscriptions: Sequence[FeedSubscription], now: datetime
    ) -> int:
        """Add those whose keys are free, have their feeds polled, and say how many."""
        added = 0
        followed: set[int] = set()
        for part in _parts(subscriptions):
            keys = [(one.subscriber_id, one.feed_id) for one in part]
            there = await self._tables.feed_subscriptions.select_many(keys) if self._tables else []
            taken = {(one.subscriber_id, one.feed_id) for one in there}
            new = [one for one, key in zip(part, keys, strict=True) if key not in taken]
            if self._tables and not self._dry:
                await self._tables.feed_subscriptions.insert_many(new)
            added += len(new)
            followed.update(one.feed_id for one in new)
        if self._tables and not self._dry:
            for feed_id in sorted(followed):
                await self._tables.feed_polls.wake(
                    feed_id=feed_id, interval_seconds=FIRST_INTERVAL_SECONDS, now=now
                )
        return added

    async def add_settings(self, guild_id: int, settings: Settings, now: datetime) -> bool:
        """Store a server's settings unless it has some."""
        if self._tables is None:
            return True
        if self._dry:
            try:
                return await self._tables.server_settings.select(guild_id) is None
            except DecodeError:
                return False
        saved = await self._tables.server_settings.save(
            guild_id=guild_id, settings=settings, version=0, now=now
        )
        return saved is not None

    async def feed_channel(self, guild_id: int) -> int | None:
        """Where a server's feeds go by its settings that are there; None: they do not say."""
        if self._tables is None:
            return None
        try:
            row = await self._tables.server_settings.select(guild_id)
        except DecodeError:
            return None
        return None if row is None else row.settings.feeds.channel_id

    async def spans(
        self, guild_id: int, user_id: int, since: datetime, until: datetime
    ) -> list[VoiceSpan]:
        """When the member has sessions already, open ones too, within [since, until), in order."""
        if self._tables is None:
            return []
        return await self._tables.voice_sessions.taken(
            guild_id=guild_id, user_id=user_id, since=since, until=until
        )

    async def add_sessions(self, sessions: Sequence[VoiceSession]) -> None:
        """Add sessions that overlap none that is there.

        Server by server in the order of time: what one statement adds then lies close together in
        the roll-ups too, most of which are kept by the day.
        """
        if self._tables is None or self._dry:
            return
        for part in _parts(sorted(sessions, key=lambda one: (one.guild_id, one.joined_at))):
            await add_sessions(self._tables, part)

    def _next_id(self) -> int:
        self._made_up -= 1
        return self._made_up


class Target:
    """Where the rows go, or in a dry run would go. Use ``open_target``."""

    def __init__(self, repository: Repository | None, *, dry: bool) -> None:
        self._repository = repository
        self._dry = dry

    @property
    def exists(self) -> bool:
        """False in a dry run where there is no database of this version's schema yet."""
        return self._repository is not None

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Stage]:
        """A part that is kept when its block ends, or lost where it raises."""
        if self._repository is None or self._dry:
            yield Stage(self._repository, dry=True)
            return
        async with self._repository.transaction() as tx:
            tables: Transaction = tx
            yield Stage(tables, dry=False)


@asynccontextmanager
async def open_target(config: Config, *, dry: bool) -> AsyncGenerator[Target]:
    """The configured database: locked and migrated, or in a dry run as it stands.

    Raises ConfigError, MigrationError, DatabaseError, or AlreadyRunning where a bot uses it.
    """
    if not dry:
        async with open_database(config, alone=True) as database:
            yield Target(database.repository, dry=False)
        return
    repository = await _as_it_stands(config)
    try:
        yield Target(repository, dry=True)
    finally:
        if repository is not None:
            await repository.close()


async def _as_it_stands(config: Config) -> Repository | None:
    """The database, which nothing can change; None where it is missing or not migrated."""
    url = parse_url(config.database_url)
    if isinstance(url, SQLiteURL) and not url.path.exists():
        return None
    options = msgspec.structs.replace(engine_options(config), read_only=True, no_trace=True)
    try:
        return await Repository.open(url, options)
    except QueryFileError:
        return None


def _parts(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]

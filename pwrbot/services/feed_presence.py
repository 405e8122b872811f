"""Which servers that follow feeds have removed the bot, and which have it back."""

from __future__ import annotations

import structlog

from pwrbot.clock import Clock
from pwrbot.entities import FeedAbsence, Subscriber
from pwrbot.repository import Repository
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)


class FeedPresence:
    """Nothing is polled, or kept, for a server that removed the bot. One that takes it back finds
    what it followed as it was, and is told of what is published from then on.

    A process speaks only of the servers on its own ``shards``.
    """

    def __init__(self, repository: Repository, clock: Clock, shards: Shards = ALL) -> None:
        self._repository = repository
        self._clock = clock
        self._shards = shards
        self._settled: frozenset[int] | None = None
        """The guilds of the last look; None: there was none since the start."""
        self._woken: list[int] = []
        """The feeds of who was back at the last look."""

    async def look(self, guild_ids: frozenset[int]) -> None:
        """Write down who is gone, and wake the feeds of who is back. Raises DatabaseError.

        ``guild_ids``: all the bot is in by what Discord said when each of the shards connected,
        and since; also those in an outage. While they stay the same this asks the database
        nothing, but to wake the feeds of who is back once more.
        """
        if self._woken:  # one claimed while nobody followed it was put off for long since
            await self._repository.feed_polls.wake_all(feed_ids=self._woken, now=self._clock.now())
            self._woken = []
        if guild_ids == self._settled:
            return
        servers = await self._repository.subscribers.servers(
            shard_count=self._shards.count, shard_ids=list(self._shards.ids)
        )
        absent = {row.subscriber_id for row in await self._repository.feed_absences.select_all()}
        gone = [
            server
            for server in servers
            if server.target_id not in guild_ids and server.id not in absent
        ]
        if gone:
            now = self._clock.now()
            await self._repository.feed_absences.insert_many(
                FeedAbsence(server.id, now) for server in gone
            )
        back = [
            server for server in servers if server.target_id in guild_ids and server.id in absent
        ]
        for server in back:
            await self._returned(server)
        if gone or back:
            log.info("feed_servers_changed", gone=len(gone), back=len(back))
        self._settled = guild_ids

    async def _returned(self, server: Subscriber) -> None:
        now = self._clock.now()
        async with self._repository.transaction() as tx:
            await tx.feed_absences.delete(server.id)
            feed_ids = await tx.feed_subscriptions.begin_anew(subscriber_id=server.id, now=now)
            await tx.feed_polls.wake_all(feed_ids=feed_ids, now=now)
        self._woken += feed_ids

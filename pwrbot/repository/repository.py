"""``Repository``: the one object through which the rest of the program reaches its data."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pwrbot.repository.bind import Bound, bind
from pwrbot.repository.bot_meta import BotMetaTable
from pwrbot.repository.engine import Engine, EngineOptions, Executor, TransactionExecutor
from pwrbot.repository.engine.opening import open_engine
from pwrbot.repository.errors import Problem, QueryFileError
from pwrbot.repository.feed_delivery import FeedDeliveries, FeedPolls, FeedQueues
from pwrbot.repository.feeds import (
    FeedAbsences,
    FeedItemIds,
    FeedItems,
    Feeds,
    FeedSubscriptions,
    Subscribers,
)
from pwrbot.repository.member_preferences import MemberPreferencesTable
from pwrbot.repository.queries import EngineName, load_queries
from pwrbot.repository.server_settings import ServerSettingsTable
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.statement import Statement
from pwrbot.repository.table import BoundTable
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from pwrbot.repository.voice_boards import VoiceBoards
from pwrbot.repository.voice_departures import VoiceDepartures
from pwrbot.repository.voice_removals import VoiceRemovals, VoiceRemovedSessions
from pwrbot.repository.voice_rewards import VoiceRewardHolders, VoiceRewards
from pwrbot.repository.voice_rollups import (
    VoiceChannelTotals,
    VoiceHours,
    VoiceMemberTotals,
    VoiceSegments,
)
from pwrbot.repository.voice_sessions import OpenVoiceSessions, VoiceSessions


class Tables:
    """All tables, as attributes: a repository, or one transaction of it.

    An attribute's name is its table's name and that of its .sql file.
    """

    feeds: Feeds
    feed_items: FeedItems
    subscribers: Subscribers
    feed_absences: FeedAbsences
    feed_subscriptions: FeedSubscriptions
    feed_item_ids: FeedItemIds
    feed_polls: FeedPolls
    feed_deliveries: FeedDeliveries
    feed_queues: FeedQueues
    open_voice_sessions: OpenVoiceSessions
    voice_sessions: VoiceSessions
    voice_segments: VoiceSegments
    voice_member_totals: VoiceMemberTotals
    voice_channel_totals: VoiceChannelTotals
    voice_hours: VoiceHours
    voice_rewards: VoiceRewards
    voice_reward_holders: VoiceRewardHolders
    voice_boards: VoiceBoards
    voice_removals: VoiceRemovals
    voice_removed_sessions: VoiceRemovedSessions
    voice_departures: VoiceDepartures
    server_settings: ServerSettingsTable
    member_preferences: MemberPreferencesTable
    bot_meta: BotMetaTable

    def __init__(self, tables: Mapping[str, type[BoundTable]], executor: Executor) -> None:
        self._provide(tables, executor)

    def _provide(self, tables: Mapping[str, type[BoundTable]], executor: Executor) -> None:
        self._tables = tables
        for name, table in tables.items():
            setattr(self, name, table(executor))


class Transaction(Tables):
    """Everything done through it is kept when its block ends, or lost where the block raises."""

    def __init__(
        self, tables: Mapping[str, type[BoundTable]], executor: TransactionExecutor
    ) -> None:
        super().__init__(tables, executor)
        self._executor = executor

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """A part that is undone by itself where its block raises: a savepoint."""
        async with self._executor.transaction() as executor:
            yield Transaction(self._tables, executor)


class Repository(Tables):
    """An open database. Use ``await Repository.open(url)``."""

    def __init__(self, bound: Bound, engine: Engine) -> None:
        super().__init__(bound.tables, engine)
        self._engine = engine
        self.statements = bound.statements
        """Every statement there is, with its text and how often it ran."""

    @classmethod
    async def open(
        cls, url: str | SQLiteURL | PostgresURL, options: EngineOptions | None = None
    ) -> Repository:
        """Connect, bind every query and check it against the real schema.

        Does not migrate. Raises ConfigError for the URL, DatabaseError for the database,
        QueryFileError for queries that do not fit their methods or the schema.
        """
        parsed = parse_url(url) if isinstance(url, str) else url
        options = options or EngineOptions()
        name: EngineName = "sqlite" if isinstance(parsed, SQLiteURL) else "postgres"
        bound = bind_repository(name, schema=options.schema)
        engine = await open_engine(parsed, options)
        try:
            await _check(engine, bound)
        except BaseException:
            await engine.close()
            raise
        return cls(bound, engine)

    @property
    def engine_name(self) -> EngineName:
        return self._engine.name

    async def engine_version(self) -> str:
        """The engine and its version, for people."""
        return await self._engine.version()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Tables whose changes are kept together when the block ends, or lost where it raises.

        Everything runs on one connection. Being cancelled rolls back, and so does a statement
        that fails: what may fail stands in a nested ``transaction()``. Raises DatabaseBusy where
        no connection becomes free in time, DatabaseError where the block swallowed a failure.
        """
        async with self._engine.transaction() as executor:
            yield Transaction(self._tables, executor)

    async def take_up(self, bound: Bound) -> None:
        """Use these statements from the next call on; a transaction under way keeps its own.

        Raises QueryFileError where they do not fit the real schema; then nothing has changed.
        """
        await _check(self._engine, bound)
        self._provide(bound.tables, self._engine)
        self.statements = bound.statements

    async def close(self) -> None:
        """Let go of the database; what is under way ends first."""
        await self._engine.close()


def bind_repository(
    engine: EngineName, *, schema: str = "pwrbot", directory: Path | None = None
) -> Bound:
    """Every table and statement of the repository for an engine. Raises QueryFileError."""
    files = load_queries(directory or sql_directory() / "queries")
    return bind(Tables, files, engine, schema=schema)


async def _check(engine: Engine, bound: Bound) -> None:
    wrong = await engine.check(bound.statements)
    if wrong:
        raise QueryFileError(
            [_problem(s, wrong[s.name], engine) for s in bound.statements if s.name in wrong]
        )


def _problem(statement: Statement, message: str, engine: Engine) -> Problem:
    return statement.query.problem(f"[{engine.name}] {message}")

"""The same five operations, done by different libraries.

Everybody gets the same SQL text, except SQLAlchemy's ORM, which is there to write its own; and
everybody is spared what the bot's own engines spare themselves: transactions around single
statements, resets between two uses of a connection.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiosql
import msgspec
from sqlalchemy import ARRAY, BigInteger, Integer, Text, TextClause, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from pwrbot.entities import Subscriber
from pwrbot.repository import Repository

ROWS = 1_000

Operation = Callable[[], Awaitable[Any]]
"""Does one thing once and gives what was read: a row or a list of rows."""

Run = Callable[[str, Sequence[Any]], Awaitable[Any]]
"""Runs a text with parameters and gives its rows: the library's own function where it fits."""

STATEMENTS = {
    "select": "subscribers.select",
    "select_many": "subscribers.select_many",
    "rows": "subscribers.select_all",
    "rows_with_datetimes": "voice_sessions.select_all",
    "insert": "subscribers.insert",
}
"""Operation -> the statement behind it. ``insert`` is last: the others find the same rows."""


@dataclass(frozen=True)
class Contestant:
    name: str
    operations: Mapping[str, Operation]
    close: Callable[[], Awaitable[object]]


class Inputs:
    """What the operations are asked for: the same sequence for every contestant of an engine.

    Targets are unique over all contestants, since those of PostgreSQL share a table.
    """

    _number = count(1)

    def __init__(self) -> None:
        self._place = count(1)
        self._targets = count(next(self._number) << 50)
        self.keys = list(range(1, ROWS + 1))

    def key(self) -> int:
        return 1 + next(self._place) * 389 % ROWS

    def target(self) -> int:
        return next(self._targets)


def through_table(repository: Repository) -> Contestant:
    """pwrbot's own ``Table``: rows come as entities."""
    given = Inputs()
    subscribers, voice_sessions = repository.subscribers, repository.voice_sessions
    return Contestant(
        "pwrbot `Table`",
        {
            "select": lambda: subscribers.select(given.key()),
            "select_many": lambda: subscribers.select_many(given.keys),
            "rows": subscribers.select_all,
            "rows_with_datetimes": voice_sessions.select_all,
            "insert": lambda: subscribers.insert(Subscriber("dm", given.target())),
        },
        repository.close,
    )


def through_text(
    name: str,
    texts: Mapping[str, str],
    run: Run,
    close: Callable[[], Awaitable[object]],
    *,
    keys_are_json: bool,
) -> Contestant:
    """Something that runs a text: rows stay what the driver makes of them."""
    given = Inputs()

    async def select_one() -> Any:
        return (await run(texts["select"], (given.key(),)))[0]

    async def select_many() -> Any:
        keys = _json_keys(given.keys) if keys_are_json else given.keys
        return await run(texts["select_many"], (keys,))

    async def insert() -> Any:
        return (await run(texts["insert"], ("dm", given.target())))[0]

    return Contestant(
        name,
        {
            "select": select_one,
            "select_many": select_many,
            "rows": lambda: run(texts["rows"], ()),
            "rows_with_datetimes": lambda: run(texts["rows_with_datetimes"], ()),
            "insert": insert,
        },
        close,
    )


def through_aiosql(
    name: str,
    driver: str,
    texts: Mapping[str, str],
    connection: Any,
    close: Callable[[], Awaitable[object]],
) -> Contestant:
    """aiosql's functions on a connection or a pool: rows stay what the driver makes of them."""
    kinds = {"select": "^", "insert": "^"}
    queries: Any = aiosql.from_str(
        "\n".join(f"-- name: q_{n}{kinds.get(n, '')}\n{named(t)};" for n, t in texts.items()),
        driver,
        mandatory_parameters=False,
    )
    given = Inputs()
    keys_are_json = driver == "aiosqlite"

    async def select_many() -> Any:
        keys = _json_keys(given.keys) if keys_are_json else given.keys
        return [row async for row in queries.q_select_many(connection, p1=keys)]

    async def rows() -> Any:
        return [row async for row in queries.q_rows(connection)]

    async def rows_with_datetimes() -> Any:
        return [row async for row in queries.q_rows_with_datetimes(connection)]

    return Contestant(
        name,
        {
            "select": lambda: queries.q_select(connection, p1=given.key()),
            "select_many": select_many,
            "rows": rows,
            "rows_with_datetimes": rows_with_datetimes,
            "insert": lambda: queries.q_insert(connection, p1="dm", p2=given.target()),
        },
        close,
    )


def through_core(texts: Mapping[str, str], engine: AsyncEngine, *, arrays: bool) -> Contestant:
    """SQLAlchemy Core with the text as it is: less work for it than its expression language."""
    clauses = {texts[name]: clause for name, clause in _clauses(texts, arrays).items()}

    async def run(sql: str, values: Sequence[Any]) -> Any:
        async with engine.connect() as connection:
            given = {f"p{number}": value for number, value in enumerate(values, 1)}
            return (await connection.execute(clauses[sql], given)).all()

    return through_text(
        "SQLAlchemy Core, async", texts, run, engine.dispose, keys_are_json=not arrays
    )


class Registry(DeclarativeBase):
    """SQLAlchemy's registry of mapped classes."""


class MappedSubscriber(Registry):
    __tablename__ = "subscribers"
    kind: Mapped[str] = mapped_column(Text)
    target_id: Mapped[int] = mapped_column(BigInteger)
    # SQLite hands out keys for this very type only.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


class MappedVoiceSession(Registry):
    """Times stay as the driver gives them, the least work: datetimes, on SQLite numbers."""

    __tablename__ = "voice_sessions"
    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    joined_at: Mapped[Any] = mapped_column(BigInteger, primary_key=True)
    channel_id: Mapped[int] = mapped_column(BigInteger)
    left_at: Mapped[Any] = mapped_column(BigInteger)


def through_orm(texts: Mapping[str, str], engine: AsyncEngine, *, arrays: bool) -> Contestant:
    """SQLAlchemy's ORM: a session for each unit of work; ``get`` and ``add`` write their own SQL,
    lists of entities come from the text.
    """
    given = Inputs()
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    clauses = _clauses(texts, arrays)
    many = select(MappedSubscriber).from_statement(clauses["select_many"])
    all_plain = select(MappedSubscriber).from_statement(clauses["rows"])
    all_timed = select(MappedVoiceSession).from_statement(clauses["rows_with_datetimes"])

    async def entities(statement: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        async with sessions() as session:
            return (await session.scalars(statement, parameters)).all()

    async def select_one() -> Any:
        async with sessions() as session:
            return await session.get(MappedSubscriber, given.key())

    async def insert() -> Any:
        async with sessions() as session:
            subscriber = MappedSubscriber(kind="dm", target_id=given.target())
            session.add(subscriber)
            await session.commit()
            return subscriber

    return Contestant(
        "SQLAlchemy ORM, async",
        {
            "select": select_one,
            "select_many": lambda: entities(
                many, {"p1": given.keys if arrays else _json_keys(given.keys)}
            ),
            "rows": lambda: entities(all_plain),
            "rows_with_datetimes": lambda: entities(all_timed),
            "insert": insert,
        },
        engine.dispose,
    )


def texts_of(repository: Repository) -> dict[str, str]:
    """What the repository runs, by operation."""
    found = {statement.name: statement.sql for statement in repository.statements}
    return {operation: found[name] for operation, name in STATEMENTS.items()}


def named(sql: str) -> str:
    """The text with parameters ``:p1``, ``:p2`` instead of ``$1`` or ``?1``."""
    return re.sub(r"[$?](\d+)", r":p\1", sql)


def _without_casts(sql: str) -> str:
    """SQLAlchemy writes the casts of its parameters itself."""
    return re.sub(r"::\w+(\[\])?", "", sql)


def _json_keys(keys: Sequence[int]) -> str:
    """The parameter of select_many on SQLite, encoded as fast as Python can."""
    return msgspec.json.encode([(key,) for key in keys]).decode()


def _clauses(texts: Mapping[str, str], arrays: bool) -> dict[str, TextClause]:
    """The texts as SQLAlchemy takes them, parameters typed."""
    types: dict[str, tuple[TypeEngine[Any], ...]] = {
        "select": (BigInteger(),),
        "select_many": (ARRAY(BigInteger()) if arrays else Text(),),
        "insert": (Text(), BigInteger()),
    }
    return {
        name: text(_without_casts(named(sql))).bindparams(
            *(bindparam(f"p{n}", type_=kind) for n, kind in enumerate(types.get(name, ()), 1))
        )
        for name, sql in texts.items()
    }

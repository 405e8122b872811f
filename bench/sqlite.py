"""Who reaches SQLite, and how. Everybody has a copy of the file and the engine's own PRAGMAs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.contestants import (
    Contestant,
    texts_of,
    through_aiosql,
    through_core,
    through_orm,
    through_table,
    through_text,
)
from pwrbot.repository import Repository

PRAGMAS = ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL")
CACHED_STATEMENTS = 1024


async def contestants(path: Path) -> list[Contestant]:
    """All of them, the baseline first. The database is migrated and filled, nobody has it open."""
    copies = [Path(shutil.copy(path, path.with_suffix(f".{n}.db"))) for n in range(6)]
    repository = await Repository.open(f"sqlite:///{copies[0]}")
    texts = texts_of(repository)
    one_hop = await _connect(copies[1])
    three_hops = await _connect(copies[2])
    for_aiosql = await _connect(copies[3])

    async def cursor(sql: str, values: Sequence[Any]) -> Any:
        async with three_hops.execute(sql, values) as opened:
            return await opened.fetchall()

    return [
        through_text(
            "aiosqlite `execute_fetchall`, one hop",
            texts,
            one_hop.execute_fetchall,
            one_hop.close,
            keys_are_json=True,
        ),
        through_table(repository),
        through_text(
            "aiosqlite cursor, three hops", texts, cursor, three_hops.close, keys_are_json=True
        ),
        through_aiosql("aiosql on aiosqlite", "aiosqlite", texts, for_aiosql, for_aiosql.close),
        through_core(texts, _engine(copies[4]), arrays=False),
        through_orm(texts, _engine(copies[5]), arrays=False),
    ]


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(
        path, isolation_level=None, cached_statements=CACHED_STATEMENTS
    )
    for pragma in PRAGMAS:
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    return connection


def _engine(path: Path) -> AsyncEngine:
    """No transaction around a statement, no reset after it: as little as it can be made to do."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        connect_args={"cached_statements": CACHED_STATEMENTS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine

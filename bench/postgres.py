"""Who reaches PostgreSQL, and how."""

from __future__ import annotations

from typing import Any

import asyncpg
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

COMMAND_TIMEOUT = 10.0
"""Seconds; what the engine's own pool is given, and so everybody's."""


async def contestants(url: str) -> list[Contestant]:
    """All of them, the baseline first. The database is migrated and filled."""
    repository = await Repository.open(url)
    texts = texts_of(repository)
    pool = await _pool(url, reset=_nothing)
    resetting = await _pool(url)
    held = await asyncpg.connect(url, command_timeout=COMMAND_TIMEOUT)
    aiosql_pool = await _pool(url, reset=_nothing)
    aiosql_held = await asyncpg.connect(url, command_timeout=COMMAND_TIMEOUT)

    return [
        through_text(
            "asyncpg pool, no-op reset",
            texts,
            lambda sql, values: pool.fetch(sql, *values),
            pool.close,
            keys_are_json=False,
        ),
        through_table(repository),
        through_text(
            "asyncpg pool, default reset",
            texts,
            lambda sql, values: resetting.fetch(sql, *values),
            resetting.close,
            keys_are_json=False,
        ),
        through_aiosql(
            "aiosql on a pool, no-op reset", "asyncpg", texts, aiosql_pool, aiosql_pool.close
        ),
        through_core(texts, _engine(url), arrays=True),
        through_orm(texts, _engine(url), arrays=True),
        through_text(
            "asyncpg, held connection",
            texts,
            lambda sql, values: held.fetch(sql, *values),
            held.close,
            keys_are_json=False,
        ),
        through_aiosql("aiosql, held connection", "asyncpg", texts, aiosql_held, aiosql_held.close),
    ]


async def _pool(url: str, **options: Any) -> asyncpg.Pool[asyncpg.Record]:
    return await asyncpg.create_pool(
        url, min_size=1, max_size=10, command_timeout=COMMAND_TIMEOUT, **options
    )


async def _nothing(connection: object) -> None:
    del connection


def _engine(url: str) -> AsyncEngine:
    """No transaction around a statement, no reset after it: as little as it can be made to do."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        connect_args={
            "command_timeout": COMMAND_TIMEOUT,
            # The mapped classes name no schema.
            "server_settings": {"search_path": "pwrbot"},
        },
    )

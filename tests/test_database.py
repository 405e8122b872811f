"""Settings, handed on to the database."""

from __future__ import annotations

import psycopg

from pwrbot.config import load_config
from pwrbot.database import engine_options, open_database
from pwrbot.entities import BotMeta
from pwrbot.repository.engine import EngineOptions


def test_the_settings_that_concern_the_engine() -> None:
    config = load_config(
        {
            "DATABASE_SCHEMA": "other",
            "DATABASE_POOL_MIN": "2",
            "DATABASE_POOL_MAX": "3",
            "DATABASE_TIMEOUT_SECONDS": "4.5",
            "DATABASE_PGBOUNCER": "on",
            "SLOW_QUERY_MS": "600",
        }
    )
    assert engine_options(config) == EngineOptions(
        schema="other", pool_min=2, pool_max=3, timeout=4.5, pgbouncer=True, slow=0.6
    )
    assert engine_options(load_config({})) == EngineOptions()


async def test_everything_is_in_the_schema_that_is_set(postgres_database_url: str) -> None:
    config = load_config({"DATABASE_URL": postgres_database_url, "DATABASE_SCHEMA": "other"})
    async with open_database(config) as database:
        await database.repository.bot_meta.insert(BotMeta("a", "b"))
    with psycopg.connect(postgres_database_url) as server:
        assert server.execute("SELECT key, value FROM other.bot_meta").fetchall() == [("a", "b")]
        schemas = server.execute(
            "SELECT DISTINCT table_schema FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
    assert schemas == [("other",)]

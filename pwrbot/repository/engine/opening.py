"""From a database's URL to its engine."""

from __future__ import annotations

from pwrbot.repository.engine import Engine, EngineOptions
from pwrbot.repository.url import PostgresURL, SQLiteURL


async def open_engine(url: SQLiteURL | PostgresURL, options: EngineOptions) -> Engine:
    """Open the database. Raises DatabaseError. A driver is imported only where it is used."""
    if isinstance(url, SQLiteURL):
        from pwrbot.repository.engine.sqlite import SQLiteEngine

        return await SQLiteEngine.open(url.path, options)
    from pwrbot.repository.engine.postgres import PostgresEngine

    return await PostgresEngine.open(url, options)

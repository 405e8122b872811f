"""Many rows at once, past the repository: PostgreSQL's triggers then run once for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from pwrbot.entities import OpenVoiceSession, VoiceDeparture, VoiceSession

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES = {
    OpenVoiceSession: "open_voice_sessions",
    VoiceDeparture: "voice_departures",
    VoiceSession: "voice_sessions",
}


def fill(
    url: str, rows: Sequence[VoiceSession] | Sequence[OpenVoiceSession] | Sequence[VoiceDeparture]
) -> None:
    """Add rows to a migrated database, and have it look at what it holds."""
    names = [field.name for field in msgspec.structs.fields(rows[0])]
    into = f"{_TABLES[type(rows[0])]} ({', '.join(names)})"
    tuples = map(msgspec.structs.astuple, rows)
    if url.startswith("sqlite"):
        places = ", ".join("?" * len(names))
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.executemany(f"INSERT INTO {into} VALUES ({places})", map(_numbers, tuples))
            file.execute("ANALYZE")
        return
    copying = f"COPY pwrbot.{into} FROM STDIN"
    with psycopg.connect(url, autocommit=True) as server:
        with server.cursor() as cursor, cursor.copy(copying.encode()) as copy:
            for row in tuples:
                copy.write_row(row)
        server.execute("ANALYZE")


def _numbers(row: Iterable[int | str | datetime]) -> tuple[int | str, ...]:
    return tuple(
        (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value
        for value in row
    )

"""Statements described by PostgreSQL: prepared, and explained, on a connection of its own.

The schema is empty and was never analysed, so the planner's choice between two ways that both work
means nothing. The ways that read a whole table (in sequence, or to join it by hash or merge) are
made dear instead: where one is left in a plan, no index can serve the statement. All partitions of
a table are in the plan, whatever the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg

from pwrbot.repository.engine.describe import DescribedColumn, Description, Refusal
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.url import PostgresURL

SETTINGS = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_partition_pruning = off;
SET jit = off;
"""

REACH_SECONDS = 5.0
"""How long a server may take to answer before the check goes on without it."""


async def describe_postgres(
    url: PostgresURL, schema: str, texts: Sequence[str]
) -> list[Description | Refusal]:
    """Each statement against this schema, in their order; nothing is run.

    Raises DatabaseUnavailable where there is no server.
    """
    async with _connected(url) as connection:
        await connection.execute(SETTINGS)
        partitions = await connection.fetch(_PARTITIONS, schema)
        wholes = {row["part"]: row["whole"] for row in partitions}
        return [await _described(connection, schema, wholes, text) for text in texts]


_PARTITIONS = """
SELECT part.relname AS part, whole.relname AS whole
FROM pg_inherits AS h
JOIN pg_class AS part ON part.oid = h.inhrelid AND part.relispartition
JOIN pg_class AS whole ON whole.oid = pg_partition_root(part.oid)
JOIN pg_namespace AS n ON n.oid = part.relnamespace
WHERE n.nspname = $1 AND part.relkind IN ('r', 'p')
"""


async def run_script(url: PostgresURL, schema: str, script: str) -> None:
    """Make this schema, and in it what the script says. Raises ValueError."""
    async with _connected(url) as connection:
        try:
            await connection.execute(f'CREATE SCHEMA "{schema}"; SET search_path = "{schema}"')
            await connection.execute(script)
        except asyncpg.PostgresError as error:
            raise ValueError(str(error)) from None


async def drop_schema(url: PostgresURL, schema: str) -> None:
    """Remove the schema and everything in it."""
    async with _connected(url) as connection:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


async def postgres_version(url: PostgresURL) -> str:
    """The server's major version. Raises DatabaseUnavailable where there is no server."""
    async with _connected(url) as connection:
        return str(connection.get_server_version().major)


@asynccontextmanager
async def _connected(url: PostgresURL) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    arguments: dict[str, Any] = {**url.asyncpg_arguments(), "timeout": REACH_SECONDS}
    try:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(**arguments)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"no PostgreSQL answers: {type(error).__name__}") from None
    try:
        yield connection
    finally:
        await connection.close()


async def _described(
    connection: asyncpg.Connection[asyncpg.Record],
    schema: str,
    wholes: Mapping[str, str],
    text: str,
) -> Description | Refusal:
    try:
        prepared = await connection.prepare(text)
        # Some of what is wrong is found only when a plan is made.
        top = await _explained(connection, text, len(prepared.get_parameters()))
    except asyncpg.PostgresError as error:
        position = getattr(error, "position", None)
        hint = f" ({error.hint})" if getattr(error, "hint", None) else ""
        offset = int(position) - 1 if position else None
        return Refusal(f"{getattr(error, 'message', None) or error}{hint}", offset)
    parameters = tuple(_type(kind) for kind in prepared.get_parameters())
    columns = tuple(DescribedColumn(a.name, _type(a.type)) for a in prepared.get_attributes())
    steps = list(_steps(top))
    read_whole = [step["Relation Name"] for step in steps if _reads_all(step)]
    return Description(
        parameters=parameters,
        columns=columns,
        readonly=not any(step["Node Type"] == "ModifyTable" for step in steps),
        plan=tuple(_line(step, schema) for step in steps),
        scans=frozenset(wholes.get(table, table) for table in read_whole),
    )


async def _explained(
    connection: asyncpg.Connection[asyncpg.Record], text: str, parameters: int
) -> Mapping[str, Any]:
    """The plan for values not known yet."""
    nulls = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    await connection.execute(f"PREPARE checked AS {text}")
    try:
        explained = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE checked{nulls}"
        )
    finally:
        await connection.execute("DEALLOCATE checked")
    return cast("Mapping[str, Any]", json.loads(explained)[0]["Plan"])


def _steps(step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield step
    for child in step.get("Plans", ()):
        yield from _steps(child)


def _reads_all(step: Mapping[str, Any]) -> bool:
    """Whether this reads a table from end to end, itself or through an index without condition."""
    kind = step["Node Type"]
    if kind == "Bitmap Heap Scan":
        return not any("Index Cond" in below for below in _steps(step))
    if kind == "Seq Scan":
        return "Relation Name" in step
    return kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in step


_CONDITIONS = ("Index Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter")


def _line(step: Mapping[str, Any], schema: str) -> str:
    """``Index Scan feeds_pkey (id = $1)``."""
    words = [step["Node Type"]]
    words += [str(step[key]) for key in ("Operation", "CTE Name") if key in step]
    words += [str(step["Index Name"])] if "Index Name" in step else []
    words += [str(step["Relation Name"])] if "Relation Name" in step else []
    words += [f"{key}: {step[key]}" for key in _CONDITIONS if key in step]
    words += [f"by {', '.join(cast('list[str]', step['Sort Key']))}"] if "Sort Key" in step else []
    return re.sub(rf'"?{re.escape(schema)}"?\.', "", " ".join(words))


def _type(kind: asyncpg.Type) -> str:
    return f"{kind.name.lstrip('_')}[]" if kind.kind == "array" else kind.name

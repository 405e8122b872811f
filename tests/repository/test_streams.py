"""Rows one after another: the same on both engines."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from pwrbot.entities import Entity, Key
from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.table import Table
from tests.repository.declaring import scratch

# No `from __future__ import annotations` here: the Protocols' types are looked at.


class Step(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str


class Steps(Table[Step, int], Protocol):
    def each(self, *, least: int) -> AsyncIterator[Step]: ...

    def names(self) -> AsyncIterator[str]: ...


FILES: dict[str, str | bytes] = {
    "steps.sql": """
-- name: each :stream
-- The steps from one on.
SELECT id, name FROM steps WHERE id >= :least ORDER BY id;

-- name: names :stream
-- Their names.
SELECT name FROM steps ORDER BY id;
"""
}
TABLE = "CREATE TABLE steps (id BIGINT PRIMARY KEY, name TEXT)"
DDL = {"sqlite": TABLE, "postgres": TABLE}
STEPS = [Step(number, str(number)) for number in range(1_000)]


@pytest.fixture
async def repository(database_url: str, tmp_path: Path) -> AsyncGenerator[Any]:
    async with scratch(database_url, tmp_path, DDL, FILES, steps=Steps) as opened:
        await opened.steps.insert_many(STEPS)
        yield opened


async def test_rows_come_one_after_another(repository: Any) -> None:
    async with repository.transaction() as tx:
        assert [step async for step in tx.steps.each(least=5)] == STEPS[5:]
        assert [name async for name in tx.steps.names()] == [step.name for step in STEPS]
        assert [step async for step in tx.steps.each(least=5_000)] == []


async def test_a_stream_that_is_left_early_and_others_beside_it(repository: Any) -> None:
    async with repository.transaction() as tx:
        async for step in tx.steps.each(least=0):
            async for other in tx.steps.names():
                assert other == "0"
                break
            assert await tx.steps.select(step.id) == step
            if step.id == 300:
                break
        await tx.steps.delete(0)
    assert await repository.steps.count() == 999


async def test_a_stream_needs_a_transaction_that_goes_on(repository: Any) -> None:
    with pytest.raises(DatabaseError, match=r"steps\.each: a stream needs a transaction"):
        await anext(repository.steps.each(least=0))
    async with repository.transaction() as tx:
        left = tx.steps.each(least=0)
        await anext(left)
        unused = tx.steps.each(least=0)
    with pytest.raises(DatabaseError):
        await anext(unused)
    with pytest.raises(DatabaseError):
        [step async for step in left]


async def delete_ten(repository: Any) -> None:
    async with repository.transaction() as part:
        async for step in part.steps.each(least=0):
            await part.steps.delete(step.id)
            if step.id == 10:
                raise KeyError


async def test_a_stream_in_a_part_that_is_undone(repository: Any) -> None:
    async with repository.transaction() as tx:
        with pytest.raises(KeyError):
            await delete_ten(tx)
        assert await tx.steps.count() == 1_000
    assert await repository.steps.count() == 1_000

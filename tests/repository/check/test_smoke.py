"""Every statement runs on both engines over the same rows, and both give the same.

The statements are those the repository has: a new one is among them without being asked for.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pwrbot.entities import Entity, Feed, Subscriber
from pwrbot.repository import Repository, Transaction
from pwrbot.repository.queries import Kind
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.statement import Statement
from tests.conftest import PostgresServer
from tests.repository.check.sample import ADDED, ARGUMENTS, CHANGED, SEED
from tests.repository.rows import key_of

STATEMENTS = {statement.name: statement for statement in bind_repository("sqlite").statements}
CRUD = {name for name, s in STATEMENTS.items() if s.query.path.name.startswith("table.")}

Outcome = tuple[Any, list[Any]]
"""What a statement gave, and the rows of its table afterwards."""


class _Undo(Exception):
    """Ends a transaction that is not to leave anything behind."""


@pytest.fixture(scope="module")
def outcomes(
    postgres_server: PostgresServer,
    migrated_postgres: str,
    migrated_sqlite: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[dict[str, Outcome], dict[str, Outcome]]]:
    """What every statement gives on SQLite, and on PostgreSQL."""
    path = tmp_path_factory.mktemp("smoke") / "pwrbot.db"
    shutil.copy(migrated_sqlite, path)
    url = postgres_server.create(template=migrated_postgres)
    yield asyncio.run(_run_all(f"sqlite:///{path}")), asyncio.run(_run_all(url))
    postgres_server.drop(url)


@pytest.mark.parametrize("name", STATEMENTS)
def test_both_engines_give_the_same(
    name: str, outcomes: tuple[dict[str, Outcome], dict[str, Outcome]]
) -> None:
    query = STATEMENTS[name].query
    assert name in CRUD or query.full_name in ARGUMENTS, (
        f"{name} has no sample arguments: add some to tests/repository/check/sample.py"
    )
    sqlite, postgres = (each[name] for each in outcomes)
    assert sqlite == postgres
    if query.shape.columns or query.kind is Kind.ROWS:
        assert sqlite[0], f"{name} finds no row of the sample: choose other arguments"


def test_no_arguments_are_left_over() -> None:
    assert (
        ARGUMENTS.keys() - {statement.query.full_name for statement in STATEMENTS.values()} == set()
    )


async def _run_all(url: str) -> dict[str, Outcome]:
    repository = await Repository.open(url)
    try:
        async with repository.transaction() as tx:
            for table, rows in SEED.items():
                await getattr(tx, table).insert_many(rows)
        return {
            name: await _run(repository, statement)
            for name, statement in STATEMENTS.items()
            if name in CRUD or statement.query.full_name in ARGUMENTS
        }
    finally:
        await repository.close()


async def _run(repository: Repository, statement: Statement) -> Outcome:
    found: list[Outcome] = []
    try:
        async with repository.transaction() as tx:
            result = await _call(tx, statement)
            rows = await getattr(tx, statement.query.module).select_all()
            found.append((_comparable(result), [_comparable(row) for row in rows]))
            raise _Undo
    except _Undo:
        return found[0]


async def _call(tx: Transaction, statement: Statement) -> Any:
    module, name = statement.query.module, statement.query.name
    table = getattr(tx, module)
    if statement.name in CRUD:
        changed, added = CHANGED[module], ADDED[module]
        match name:
            case "select_all" | "count":
                return await getattr(table, name)()
            case "select" | "delete":
                return await getattr(table, name)(key_of(changed))
            case "select_many":
                return await table.select_many([key_of(added), key_of(changed)])
            case "insert":
                return await table.insert(added)
            case "insert_many":
                return await table.insert_many([added])
            case _:
                return await getattr(table, name)(changed)
    arguments = dict(ARGUMENTS[statement.query.full_name])
    if statement.order is not None:
        arguments["order"] = statement.order
    if statement.query.kind is Kind.STREAM:
        return [row async for row in getattr(table, name)(**arguments)]
    return await getattr(table, name)(**arguments)


def _comparable(value: Any) -> Any:
    """Without keys handed out during the run: PostgreSQL does not take back what is undone."""
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, Feed | Subscriber) and value.id > len(SEED[_table_of(value)]):
        return msgspec.structs.replace(value, id=0)
    return value


def _table_of(row: Entity) -> str:
    return next(table for table, rows in SEED.items() if isinstance(row, type(rows[0])))

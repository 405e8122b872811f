"""What reaches beyond the bot's own schema: a folder of examples for each rule.

``own_schema/RULE`` holds a migration for one engine or both, and what is to be found in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pwrbot.repository.migrations import beyond_own_schema
from pwrbot.repository.sql_files import sql_directory
from tests.repository.sql_tree import SQLTree, told

EXAMPLES = Path(__file__).parent / "own_schema"


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_example(tmp_path: Path, example: str) -> None:
    tree = SQLTree(tmp_path / "sql")
    tree.add_example(EXAMPLES / example)
    expected = (EXAMPLES / example / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert told(beyond_own_schema(tree.root)) == sorted(expected)


def test_a_rollback_is_held_to_it_too(tmp_path: Path) -> None:
    tree = SQLTree(tmp_path / "sql")
    tree.add("0001.example", "CREATE TABLE cats (id INTEGER);", "\nDROP TABLE public.cats;")
    message = "public.cats: name no schema, a migration works in the bot's own"
    assert told(beyond_own_schema(tree.root)) == [
        f"postgres.rollback.sql:2: {message}",
        f"sqlite.rollback.sql:2: {message}",
    ]


def test_the_migrations_of_the_house() -> None:
    assert beyond_own_schema(sql_directory()) == []

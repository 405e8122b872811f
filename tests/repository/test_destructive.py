"""Which migrations destroy something, and whether they say why: a folder of examples for each rule.

``destructive/RULE`` holds a migration for one engine or both, and what is to be found in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pwrbot.repository.migrations import unmarked
from pwrbot.repository.sql_files import sql_directory
from tests.repository.sql_tree import SQLTree, told

EXAMPLES = Path(__file__).parent / "destructive"


@pytest.fixture
def tree(tmp_path: Path) -> SQLTree:
    return SQLTree(tmp_path / "sql")


def found(tree: SQLTree) -> list[str]:
    return told(unmarked(tree.root))


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_example(tree: SQLTree, example: str) -> None:
    tree.add_example(EXAMPLES / example)
    assert found(tree) == sorted((EXAMPLES / example / "expected.txt").read_text().splitlines())


def test_rollbacks_are_destructive_and_need_no_mark(tree: SQLTree) -> None:
    tree.add("0001.example", "CREATE TABLE cats (id INTEGER);", "DROP TABLE cats;")
    assert found(tree) == []

    tree.add(
        "0001.example", "CREATE TABLE cats (id INTEGER);", "-- destructive: yes\nDROP TABLE cats;"
    )
    message = "a rollback needs no '-- destructive', it always is: take it away"
    assert found(tree) == [
        f"postgres.rollback.sql:1: {message}",
        f"sqlite.rollback.sql:1: {message}",
    ]


def test_carriage_returns_and_the_last_line_without_an_end(tree: SQLTree) -> None:
    tree.add("0001.example", "-- destructive: reason\r\n\r\nDROP TABLE cats")
    assert found(tree) == []


def test_the_migrations_of_the_house() -> None:
    assert unmarked(sql_directory()) == []

"""What the files in sql/migrations have to be; the database is not even looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pwrbot.repository.migrations import (
    InvalidMigrationName,
    MigrationError,
    MigrationFilesError,
    migrate,
    new_migration,
    read_migrations,
)
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import SQLiteURL
from tests.repository.sql_tree import ENGINES, SQLTree

TABLE = "CREATE TABLE cats (id INTEGER);"


@pytest.fixture
def tree(tmp_path: Path) -> SQLTree:
    tree = SQLTree(tmp_path / "a [odd] path" / "sql")
    tree.add("0001.cats", TABLE, "DROP TABLE cats;")
    return tree


@pytest.fixture
def url(tmp_path: Path) -> SQLiteURL:
    return SQLiteURL(tmp_path / "pwrbot.db")


def test_ours_are_in_order() -> None:
    for engine in ENGINES:
        for migration in read_migrations(sql_directory(), engine):
            assert migration.forth()
            assert migration.back()


def refusal(url: SQLiteURL, tree: SQLTree) -> str:
    with pytest.raises(MigrationFilesError) as caught:
        migrate(url, directory=tree.root)
    assert isinstance(caught.value, MigrationError)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_a_rollback_is_missing(url: SQLiteURL, tree: SQLTree) -> None:
    tree.path("postgres", "0001.cats.rollback.sql").unlink()
    assert "postgres/0001.cats.rollback.sql is missing" in refusal(url, tree)
    assert not url.path.exists()


def test_a_rollback_of_nothing(url: SQLiteURL, tree: SQLTree) -> None:
    tree.path("sqlite", "0002.dogs.rollback.sql").write_text("SELECT 1;")
    assert "sqlite/0002.dogs.sql is missing, but has a rollback" in refusal(url, tree)


def test_one_engine_only(url: SQLiteURL, tree: SQLTree) -> None:
    tree.add("0002.dogs", TABLE, engines=("sqlite",))
    assert "postgres/0002.dogs.sql is missing, sqlite has it" in refusal(url, tree)
    tree.add("0002.dogs", TABLE, engines=("postgres",))
    tree.add("0003.fish", TABLE, engines=("postgres",))
    assert "sqlite/0003.fish.sql is missing, postgres has it" in refusal(url, tree)


def test_no_migrations(url: SQLiteURL, tree: SQLTree) -> None:
    tree.remove("0001.cats")
    assert "there are no migrations" in refusal(url, tree)
    (tree.root / "migrations" / "sqlite").rmdir()
    assert "migrations/sqlite: No such file or directory" in refusal(url, tree)


def test_a_number_twice(url: SQLiteURL, tree: SQLTree) -> None:
    tree.add("0001.dogs", TABLE)
    assert "the number 0001 is given to more than one" in refusal(url, tree)


@pytest.mark.parametrize("name", ["2.dogs.sql", "0002-dogs.sql", "0002.Dogs.sql", "0002.dogs.py"])
def test_a_strange_name(url: SQLiteURL, tree: SQLTree, name: str) -> None:
    tree.path("sqlite", name).write_text(TABLE)
    tree.path("sqlite", "notes.txt").touch()
    assert f"{name} is not called NNNN.what.sql" in refusal(url, tree)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-- nothing yet\n", "holds no statement"),
        ("", "holds no statement"),
        (";", "holds no statement"),
        ("-- transactional: false\nSELECT 1;", "leave out `-- transactional:`"),
        ("-- depends: 0000.x\nSELECT 1;", "leave out `-- depends:`"),
        ("BEGIN;\nSELECT 1;\nCOMMIT;", "0002.dogs.sql:1: BEGIN has no place"),
        ("-- why\nSELECT 1;\n\n/* so */\ncommit;", "0002.dogs.sql:5: commit has no place"),
        ("SELECT 1; ROLLBACK;", "0002.dogs.sql:1: ROLLBACK has no place"),
        ("\ufeffSELECT 1;", "byte order mark"),
        ("SELECT 1;\nSELECT 'open;", "0002.dogs.sql:2: a string is never closed"),
    ],
)
def test_a_strange_text(url: SQLiteURL, tree: SQLTree, text: str, reason: str) -> None:
    tree.add("0002.dogs", text)
    assert reason in refusal(url, tree)


def test_not_utf8(url: SQLiteURL, tree: SQLTree) -> None:
    tree.add("0002.dogs", TABLE)
    tree.path("sqlite", "0002.dogs.sql").write_bytes(b"SELECT '\xff';")
    assert "cannot be read" in refusal(url, tree)


def test_all_problems_at_once(url: SQLiteURL, tree: SQLTree) -> None:
    tree.path("postgres", "0001.cats.rollback.sql").unlink()
    tree.path("sqlite", "0002.dogs.sql").write_text(TABLE)
    assert len(refusal(url, tree).splitlines()) == 4


def test_a_new_migration(url: SQLiteURL, tree: SQLTree) -> None:
    tree.add("0007.dogs", "CREATE TABLE dogs (id INTEGER);")
    paths = new_migration("add_names", tree.root)
    assert [path.name for path in paths] == [
        "0008.add_names.sql",
        "0008.add_names.rollback.sql",
    ] * 2
    assert [path.parent.name for path in paths] == ["sqlite", "sqlite", "postgres", "postgres"]
    assert all(path.read_text().startswith("-- ") for path in paths)
    assert "holds no statement" in refusal(url, tree), "it has to be filled in first"
    for path in paths:
        path.write_text(path.read_text() + "SELECT 1;\n")
    assert migrate(url, directory=tree.root) == ["0001.cats", "0007.dogs", "0008.add_names"]


@pytest.mark.parametrize(
    "name", ["", "Names", "add names", "1st", "a-b", "a.b", "../x", "é", "a" * 61]
)
def test_a_bad_name(tree: SQLTree, name: str) -> None:
    with pytest.raises(InvalidMigrationName) as refused:
        new_migration(name, tree.root)
    assert refused.value.exit_code == 2
    assert [one.id for one in read_migrations(tree.root, "sqlite")] == ["0001.cats"]


def test_numbers_end(tree: SQLTree) -> None:
    tree.add("9999.last", TABLE)
    with pytest.raises(MigrationFilesError, match="9999"):
        new_migration("more", tree.root)

"""Boots at the same time, and boots after a ``kill -9`` at the worst moments."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pwrbot.repository.migrations import dump_schema, migrate, status
from pwrbot.repository.url import PostgresURL, SQLiteURL, parse_url
from tests.repository.sql_tree import SQLTree

ROOT = Path(__file__).resolve().parents[2]
SMALL_DISK = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
runpy.run_module("tests.repository.migrating", run_name="__main__")
"""
ALL = ["0001.cats", "0002.pets"]


@pytest.fixture
def tree(tmp_path: Path) -> SQLTree:
    tree = SQLTree(tmp_path / "sql")
    tree.add("0001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY);", "DROP TABLE cats;")
    tree.add(
        "0002.pets",
        "CREATE TABLE dogs (id INTEGER);\nCREATE TABLE fish (id INTEGER);",
        "DROP TABLE fish; DROP TABLE dogs;",
    )
    return tree


@contextmanager
def migrating(url: str, tree: SQLTree, hindrance: str) -> Iterator[subprocess.Popen[str]]:
    """A process that migrates; killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.repository.migrating", url, str(tree.root), hindrance],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def applied(process: subprocess.Popen[str]) -> list[str]:
    """What it applied, once it has ended well. Its log goes to stdout as well."""
    output, errors = process.communicate(timeout=55)
    assert process.returncode == 0, errors
    return output.splitlines()[-1].split()


@pytest.mark.parametrize("moment", ["after_prepare", "within", "before_mark", "after_mark"])
def test_killed_in_the_middle(database_url: str, tree: SQLTree, moment: str) -> None:
    with migrating(database_url, tree, moment) as process:
        process.wait(timeout=55)
        assert process.returncode == -signal.SIGKILL
    url = parse_url(database_url)
    done = [] if moment == "after_prepare" else ALL[:1]
    left = status(url, directory=tree.root)
    assert left.pending == tuple(ALL[len(done) :])
    assert "dogs" not in dump_schema(url)
    assert migrate(url, directory=tree.root) == ALL[len(done) :]
    assert "dogs" in dump_schema(url)


def test_one_of_four_applies(database_url: str, tree: SQLTree) -> None:
    with (
        migrating(database_url, tree, "slowly") as one,
        migrating(database_url, tree, "slowly") as two,
        migrating(database_url, tree, "slowly") as three,
        migrating(database_url, tree, "slowly") as four,
    ):
        results = [applied(process) for process in (one, two, three, four)]
    assert sorted(results) == [[], [], [], ALL]
    assert status(parse_url(database_url), directory=tree.root).pending == ()


def test_the_next_goes_on_when_the_holder_is_killed(database_url: str, tree: SQLTree) -> None:
    with migrating(database_url, tree, "stay") as holder:
        assert holder.stdout is not None
        assert any("reached" in line for line in holder.stdout), "the holder is within a step"
        with migrating(database_url, tree, "none") as waiter:
            assert waiter.stdout is not None
            assert any("waiting_for_migrations" in line for line in waiter.stdout)
            holder.kill()
            assert applied(waiter) == ALL


def test_a_long_statement_ends_with_its_client(postgres_database_url: str, tree: SQLTree) -> None:
    url = parse_url(postgres_database_url)
    assert isinstance(url, PostgresURL)
    tree.add("0002.pets", "SELECT pg_sleep(600);")
    running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    with (
        migrating(postgres_database_url, tree, "none") as holder,
        psycopg.connect(**url.libpq_arguments(), autocommit=True) as connection,
    ):
        while not connection.execute(running).fetchall():
            assert holder.poll() is None
        holder.kill()
        tree.add("0002.pets", "SELECT 1;")
        assert migrate(url, directory=tree.root, wait_seconds=50) == ALL[1:]


def test_no_room_for_the_copy(sqlite_database_url: str, tree: SQLTree) -> None:
    url = parse_url(sqlite_database_url)
    assert isinstance(url, SQLiteURL)
    tree.add("0001.cats", "CREATE TABLE cats AS SELECT hex(randomblob(100000)) AS x;")
    migrate(url, directory=tree.root)
    tree.add("0003.more", "SELECT 1;")
    command = [sys.executable, "-c", SMALL_DISK, sqlite_database_url, str(tree.root), "none"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=55)
    assert "BackupFailed" in process.stderr
    assert "Nothing was migrated" in process.stderr
    assert list((url.path.parent / "backups").iterdir()) == []
    assert status(url, directory=tree.root).pending == ("0003.more",)

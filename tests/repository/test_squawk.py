"""squawk, as it is configured here, lets the house's migrations pass and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pwrbot.repository.sql_files import sql_directory

SQUAWK = Path(sys.executable).with_name("squawk")
ROOT = sql_directory().parent


def squawk(*paths: Path) -> str:
    """What it finds, by rule; empty where all is well."""
    command = [SQUAWK, "--config", ROOT / ".squawk.toml", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode == 0) == ("Found 0 issues" in done.stdout + done.stderr)
    return "" if done.returncode == 0 else done.stdout


def test_the_house() -> None:
    assert squawk(*sorted((sql_directory() / "migrations" / "postgres").glob("*.sql"))) == ""


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("require-concurrent-index-creation", "CREATE INDEX i ON feeds (name);"),
        ("adding-required-field", "ALTER TABLE feeds ADD COLUMN a BIGINT NOT NULL;"),
        ("prefer-timestamp-tz", "CREATE TABLE cats (born TIMESTAMP NOT NULL);"),
        ("renaming-column", "ALTER TABLE feeds RENAME COLUMN name TO title;"),
        ("changing-column-type", "ALTER TABLE feeds ALTER COLUMN name TYPE VARCHAR;"),
        ("ban-drop-column", "ALTER TABLE feeds DROP COLUMN name;"),
        ("constraint-missing-not-valid", "ALTER TABLE feeds ADD CONSTRAINT c CHECK (id > 0);"),
        ("syntax-error", "CREATE TABLE cats (id INTEGER) STRICT;"),
    ],
)
def test_it_finds(tmp_path: Path, rule: str, statement: str) -> None:
    path = tmp_path / "9001.step.sql"
    path.write_text(f"{statement}\n")
    assert rule in squawk(path)


def test_an_exception_stands_below_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "9001.step.sql"
    path.write_text(
        "-- A few hundred rows: built in an instant.\n"
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX i ON feeds (name);\n"
    )
    assert squawk(path) == ""


def test_an_index_of_a_new_table_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "9001.step.sql"
    path.write_text("CREATE TABLE cats (id BIGINT NOT NULL);\nCREATE INDEX i ON cats (id);\n")
    assert squawk(path) == ""

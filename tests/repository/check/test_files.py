"""Query files as editors and accidents leave them."""

from functools import partial
from pathlib import Path

import pytest

from pwrbot.repository.check.check import Report, check
from pwrbot.repository.check.findings import as_text
from pwrbot.repository.check.scratch import sqlite_scratch
from tests.repository.check.cases import CASES, copied_queries, rows_of, schema_of

TOTAL = (
    "-- name: total :value\n-- How many there are.\n-- scan things: counting reads every row\n"
    "SELECT COUNT(*) AS total\nFROM things;\n"
)
CASE = CASES / "unknown_table"
"""Its class has the method ``total``."""


def checked(directory: Path, content: bytes) -> Report:
    """What the check says on SQLite of a file with this content."""
    copied_queries(directory, {"things.sql": content})
    script = schema_of(CASE, "sqlite")
    with rows_of(CASE) as rows:
        return check(directory, rows.Tables, {"sqlite": partial(sqlite_scratch, None, script)})


def told(directory: Path, content: bytes) -> list[str]:
    lines = as_text(checked(directory, content).findings, directory)
    return [line for line in lines if "crosses guilds" not in line]


@pytest.mark.parametrize(
    "content",
    [
        TOTAL.encode("utf-8-sig"),
        TOTAL.replace("\n", "\r\n").encode(),
        TOTAL.rstrip("\n").encode(),
        f"\n\n{TOTAL}\n\n\n".encode(),
        TOTAL.replace("How many", "Ile: żółw 😀").encode(),
    ],
    ids=["bom", "crlf", "no trailing newline", "empty lines", "not ascii"],
)
def test_what_editors_do_changes_nothing(content: bytes, tmp_path: Path) -> None:
    assert told(tmp_path, content) == []


def test_lines_count_the_same_with_either_line_end(tmp_path: Path) -> None:
    text = TOTAL.replace("FROM things", "FROM thinks")
    expected = ["things.sql:5 things.total [sqlite]: no such table: thinks"]
    assert told(tmp_path, text.encode()) == expected
    assert told(tmp_path, text.replace("\n", "\r\n").encode("utf-8-sig")) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            TOTAL.replace("How many", "How m\xe4ny").encode("latin-1"),
            "things.sql:2: not UTF-8: save the file as UTF-8",
        ),
        (b"", "things.sql:1: no query: expected a '-- name: ... :kind' header"),
        (
            b"-- name: total :value\n-- How many.\n",
            "things.sql:1: total: a header without a statement",
        ),
        (
            b"-- name: total :value\n-- How many.\n;\n",
            "things.sql:1: total: a header without a statement",
        ),
        (
            f"-- name: total :value\n-- How many.\n\n{TOTAL}".encode(),
            "things.sql:1: total: a header without a statement",
        ),
        (
            TOTAL.replace("total\nFROM", "'\nFROM").encode(),
            "things.sql:4: total: a string is never closed",
        ),
        (b"SELECT 1\n", "things.sql:1: SQL before the first '-- name: ... :kind' header"),
    ],
    ids=[
        "latin-1",
        "empty",
        "no body",
        "semicolon",
        "no body before another",
        "unclosed",
        "no header",
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    assert told(tmp_path, content) == [expected]


def test_a_file_of_a_megabyte(tmp_path: Path) -> None:
    text = (
        "-- name: total :value\n-- How many there are.\n-- scan things: counting reads every row\n"
        "SELECT COUNT(*) AS total\nFROM things\nWHERE name IN (\n"
        + ",\n".join(f"    'żółw number {number}'" for number in range(40_000))
        + "\n);\n"
    )
    assert len(text.encode()) > 2**20
    assert told(tmp_path, text.encode()) == []
    wrong = text.replace("żółw number 39999'", "żółw number 39999' AND nmae = 1")
    assert told(tmp_path, wrong.encode())[0].startswith("things.sql:40006 things.total [sqlite]:")

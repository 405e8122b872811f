"""docs/privacy.md names every column that leads to a person."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")

_NOBODY = {
    "what a server, a role, a feed and the like are known by": """
        guild_id channel_id role_id message_id feed_id item_id items_id platform_id source_id
        subscriber_id removal_id id key kind""",
    "times, amounts and states": """
        asked_at changed_at checked_at created_at due_at ended_at found_at joined_at left_at next_at
        next_poll_at polled_at published_at settled_at started_at succeeded_at updated_at
        since until period day hour weekday minutes look_back interval_seconds
        total sessions least top quarter_1 quarter_2 quarter_3 quarter_4
        attempts failures version wakes enabled ending given plain_text
        phase state reason error problem""",
    "what a site published, and what a server chose": """
        feeds.name title url summary image_url cover_url description tags
        etag last_modified digest items_digest item_filter template settings""",
    "of the bot itself": "value claimed_by",
}
NOBODY = set(" ".join(_NOBODY.values()).split())


def listed() -> set[str]:
    """Each ``table.column`` of the page."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", PAGE)
    return {f"{table}.{column}" for table, cell in rows for column in re.findall(r"\w+", cell)}


def of_sqlite() -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.executescript((ROOT / "sql/schema/sqlite.sql").read_text(encoding="utf-8"))
        yield from scratch.execute(
            "SELECT tables.name, columns.name FROM pragma_table_list AS tables"
            " JOIN pragma_table_info(tables.name) AS columns"
            " WHERE tables.name NOT LIKE 'sqlite%'"
        )


def of_postgres() -> Iterator[tuple[str, str]]:
    text = (ROOT / "sql/schema/postgres.sql").read_text(encoding="utf-8")
    for table, columns in re.findall(r"(?ms)^CREATE TABLE (\w+) \(\n(.*?)^\)", text):
        for column in re.findall(r"(?m)^    (?!CONSTRAINT )(\w+) ", columns):
            yield table, column


@pytest.mark.parametrize("columns", [of_sqlite, of_postgres])
def test_every_column_that_leads_to_a_person_is_listed(
    columns: Callable[[], Iterator[tuple[str, str]]],
) -> None:
    there = set(columns())
    assert len(there) > 100
    leading = {
        f"{table}.{column}"
        for table, column in there
        if column not in NOBODY and f"{table}.{column}" not in NOBODY
    }
    assert leading == listed(), "say on the page what it is for, or name it in NOBODY"


def test_nothing_is_said_to_be_of_nobody_that_is_not_there() -> None:
    there = {name for table, column in of_sqlite() for name in (column, f"{table}.{column}")}
    assert there >= NOBODY

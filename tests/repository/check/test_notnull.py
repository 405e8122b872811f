"""``-- notnull column: reason`` is held to its word by the decoder, at run time."""

from pathlib import Path
from typing import Any, Protocol

import pytest

from pwrbot.entities import Entity, Key
from pwrbot.repository.errors import DecodeError
from pwrbot.repository.table import Table
from tests.repository.declaring import bound


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    tags: tuple[str, ...]


class Things(Table[Thing, int], Protocol):
    async def listed(self) -> list[Thing]: ...

    async def tagged(self) -> tuple[str, ...]: ...

    async def plain(self) -> list[Thing]: ...


FILE = """\
-- name: listed :many
-- All.
-- notnull id: the join finds one for each
-- notnull tags: they come with it
SELECT
    id,
    tags
FROM things;

-- name: tagged :value
-- The tags.
-- notnull tags: there is one row
SELECT tags FROM things;

-- name: plain :many
-- All.
SELECT
    id,
    tags
FROM things;
"""


@pytest.fixture
def decoders(tmp_path: Path) -> dict[str, Any]:
    statements = bound(tmp_path, {"things.sql": FILE}, things=Things).statements
    return {statement.name: statement.decode for statement in statements}


def test_rows_that_keep_the_word_are_read_as_ever(decoders: dict[str, Any]) -> None:
    rows = [(1, '["a"]'), (2, "[]")]
    assert decoders["things.listed"](rows) == [Thing(1, ("a",)), Thing(2, ())]
    assert decoders["things.tagged"]([('["a"]',)]) == [("a",)]


@pytest.mark.parametrize(("row", "column"), [((None, "[]"), "id"), ((1, None), "tags")])
def test_a_row_that_breaks_the_word_says_which_column(
    row: tuple[Any, ...], column: str, decoders: dict[str, Any]
) -> None:
    with pytest.raises(DecodeError, match=rf"things\.listed: column {column} is NULL") as caught:
        decoders["things.listed"]([(1, "[]"), row])
    assert f"'-- notnull {column}: " in str(caught.value)


def test_a_value_that_breaks_the_word_is_refused(decoders: dict[str, Any]) -> None:
    with pytest.raises(DecodeError, match="column tags is NULL"):
        decoders["things.tagged"]([(None,)])


def test_who_promises_nothing_pays_nothing(decoders: dict[str, Any]) -> None:
    assert decoders["things.plain"]([(None, "[]")]) == [Thing(None, ())]  # pyright: ignore[reportArgumentType]

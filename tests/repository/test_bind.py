"""Methods and SQL that do not agree refuse to boot, all told at once with file and line."""

import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import psycopg
import pytest

from pwrbot.entities import Entity, Generated, Key
from pwrbot.repository.bind import Bound
from pwrbot.repository.errors import DatabaseUnavailable, QueryFileError
from pwrbot.repository.queries import ENGINES, EngineName
from pwrbot.repository.repository import Repository, bind_repository
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.table import CRUD, Table
from tests.repository.declaring import bound, refusals

if TYPE_CHECKING:
    from decimal import Decimal

# No `from __future__ import annotations` here: the tests declare their tables inside functions.


class Thing(Entity, frozen=True, gc=False):
    id: Key[int]
    name: str


class Name(Entity, frozen=True, gc=False):
    name: str


class Colour(StrEnum):
    RED = "red"


Things = Table[Thing, int]


def query(sql: str, kind: str = "many", header: str = "") -> dict[str, str | bytes]:
    return {"things.sql": f"-- name: q :{kind}\n-- A thing.\n{header}{sql}"}


SELECT = "SELECT id, name FROM things"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineName:
    return request.param


# Names on one side only


def test_method_without_sql_and_sql_without_method(tmp_path: Path, engine: EngineName) -> None:
    class Declared(Things, Protocol):
        async def p(self) -> list[Thing]: ...

    assert refusals(tmp_path, query(SELECT), engine, things=Declared) == [
        "python: things.p: no query of this name in sql/queries/things.sql",
        "things.sql:1: things.q: no method of this name in Declared",
    ]


def test_the_line_of_the_method_is_told(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def p(self) -> list[Thing]: ...

    with pytest.raises(QueryFileError) as caught:
        bound(tmp_path, {}, things=Declared)
    [problem] = caught.value.problems
    assert problem.path == Path(__file__)
    assert problem.line == Declared.p.__code__.co_firstlineno
    assert str(caught.value).startswith("1 problem in the SQL layer:\n  tests/repository/test_bind")


def test_file_without_table(tmp_path: Path) -> None:
    class Declared(Things, Protocol): ...

    files: dict[str, str | bytes] = {"wings.sql": f"-- name: q :many\n-- A.\n{SELECT}"}
    assert refusals(tmp_path, files, things=Declared) == [
        "wings.sql:1: wings.q: the repository has no table attribute 'wings'"
    ]


@pytest.mark.parametrize("name", ["select", "insert_many", "count", "crud", "executor"])
def test_names_that_every_table_has(tmp_path: Path, name: str) -> None:
    class Without(Things, Protocol): ...

    namespace: dict[str, Any] = {}
    source = f"class Declared(Things, Protocol):\n    async def {name}(self) -> list[Thing]: ..."
    exec(source, {"Things": Things, "Protocol": Protocol, "Thing": Thing}, namespace)
    files: dict[str, str | bytes] = {"things.sql": f"-- name: {name} :many\n-- A.\n{SELECT}"}
    with pytest.raises(QueryFileError, match="every table has this name already; choose another"):
        bound(tmp_path, files, things=namespace["Declared"])
    with pytest.raises(QueryFileError, match="every table has this name already; rename the query"):
        bound(tmp_path, files, things=Without)


@pytest.mark.parametrize("head", ["WITH", "WITH RECURSIVE", "WITH others AS (SELECT 1 AS b),"])
@pytest.mark.parametrize("tail", ["AS (", "(a) AS (", "AS NOT MATERIALIZED ("])
def test_a_with_that_hides_a_table(
    tmp_path: Path, engine: EngineName, head: str, tail: str
) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> list[int]: ...

    sql = f"{head} things {tail}SELECT 1 AS a) SELECT a FROM things"
    assert refusals(tmp_path, query(sql), engine, things=Declared) == [
        "things.sql:1: things.q: WITH things hides the table of that name: choose another name"
    ]


def test_a_method_that_is_not_async(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        def q(self) -> list[Thing]: ...

    assert refusals(tmp_path, query(SELECT), things=Declared) == [
        "python: things.q: is awaited: write async def"
    ]


def test_a_name_that_only_type_checkers_know(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> "list[Decimal]": ...

    assert refusals(tmp_path, query(SELECT), things=Declared)[0] == (
        "python: things: name 'Decimal' is not defined"
    )


# Parameters


def test_parameters_of_one_side_only(tmp_path: Path, engine: EngineName) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, b: int, c: int) -> list[Thing]: ...

    sql = f"{SELECT} WHERE a = :a AND b = :b"
    assert refusals(tmp_path, query(sql), engine, things=Declared) == [
        "python: things.q: parameter c does not occur in the SQL",
        "things.sql:1: things.q: :a is no parameter of the method",
    ]


def test_parameters_are_given_by_name(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self, a: int) -> list[Thing]: ...

    assert refusals(tmp_path, query(f"{SELECT} WHERE a = :a"), things=Declared) == [
        "python: things.q: parameter a is given by name: put it after *"
    ]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (Colour, "Colour"),
        (float, "float"),
        (bytes, "bytes"),
        (dict[str, int], "dict[str, int]"),
        (object, "object"),
        (Any, "Any"),
        (tuple, "tuple"),
        (list, "list"),
        (list[list[int]], "list[list[int]]"),
        (list[int | None], "list[int | None]"),
        (int | str, "int | str"),
        (int | str | None, "int | str | None"),
        (Literal[1, 2], "typing.Literal[1, 2]"),
        (Literal["a", None], "typing.Literal['a', None]"),
        (None, "NoneType"),
        (Annotated[float, "x"], "float"),
    ],
)
def test_types_without_a_place_in_the_table(
    tmp_path: Path, engine: EngineName, annotation: Any, shown: str
) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, a: annotation) -> list[Thing]: ...  # type: ignore[valid-type]

    [problem] = refusals(tmp_path, query(f"{SELECT} WHERE a = :a"), engine, things=Declared)
    assert problem.startswith("python: things.q: parameter a: ")
    assert problem.endswith("has no place in the type table (pwrbot/repository/types.py)")
    assert shown in problem


def test_a_parameter_without_a_type(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, a) -> list[Thing]: ...

    [problem] = refusals(tmp_path, query(f"{SELECT} WHERE a = :a"), things=Declared)
    assert problem.startswith("python: things.q: parameter a: object has no place")


@pytest.mark.parametrize("operator", ["IN", "NOT IN", "in"])
def test_a_list_needs_a_list(tmp_path: Path, engine: EngineName, operator: str) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, a: int) -> list[Thing]: ...

    sql = f"{SELECT} WHERE a {operator} (:a)"
    assert refusals(tmp_path, query(sql), engine, things=Declared) == [
        "things.sql:1: things.q: IN (:a) needs a list, the method says int"
    ]


# Kinds


@pytest.mark.parametrize(
    ("returns", "kinds"),
    [
        (list[Thing], ["many"]),
        (list[int], ["many"]),
        (Thing, ["one"]),
        (Thing | None, ["maybe"]),
        (int | None, ["value", "maybe"]),
        (int, ["value", "rows"]),
        (str, ["value"]),
        (None, ["exec"]),
        (AsyncIterator[Thing], ["stream"]),
    ],
)
@pytest.mark.parametrize("kind", ["one", "maybe", "many", "value", "rows", "exec", "stream"])
def test_the_kind_and_the_return_type_say_the_same(
    tmp_path: Path, returns: Any, kinds: list[str], kind: str
) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> returns: ...  # type: ignore[valid-type]

    sql = "SELECT id FROM things" if returns in (list[int], int | None, int, str) else SELECT
    if kind in ("rows", "exec"):
        sql = "DELETE FROM things"
    files = query(sql, kind)
    if kind in kinds:
        assert bound(tmp_path, files, things=Declared).tables["things"]
        return
    expected = " or ".join(f":{name}" for name in kinds)
    assert refusals(tmp_path, files, things=Declared) == [
        f"things.sql:1: things.q: is :{kind}, the method's return type says {expected}"
    ]


def test_columns_that_the_kind_drops(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> int: ...

    files = query("DELETE FROM things RETURNING id", "rows")
    assert refusals(tmp_path, files, things=Declared) == [
        "things.sql:1: things.q: gives columns that :rows drops"
    ]


# Result columns


def test_columns_nobody_wants_and_fields_nobody_fills(tmp_path: Path, engine: EngineName) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> list[Thing]: ...

    files = query("SELECT id, 1 AS number, 'x' AS text FROM things")
    assert refusals(tmp_path, files, engine, things=Declared) == [
        "things.sql:1: things.q: Thing has no field number",
        "things.sql:1: things.q: Thing has no field text",
        "things.sql:1: things.q: no column fills the field name of Thing",
    ]


def test_one_column_for_a_scalar(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> list[int]: ...

    assert refusals(tmp_path, query(SELECT), things=Declared) == [
        "things.sql:1: things.q: one column expected for int, found 2"
    ]


def test_a_value_without_a_column(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> str: ...

    assert refusals(tmp_path, query("DELETE FROM things", "value"), things=Declared) == [
        "things.sql:1: things.q: one column expected for str, found 0"
    ]


def test_a_row_with_a_type_without_a_place(tmp_path: Path) -> None:
    class Odd(Entity, frozen=True, gc=False):
        id: int
        colour: Colour

    class Declared(Things, Protocol):
        async def q(self) -> list[Odd]: ...

    files = query("SELECT id, colour FROM things")
    [problem] = refusals(tmp_path, files, things=Declared)
    assert problem.startswith("python: things.q: returns: Colour has no place in the type table")


def test_a_list_is_no_column(tmp_path: Path) -> None:
    class Odd(Entity, frozen=True, gc=False):
        id: Key[int]
        tags: list[str]

    class Declared(Table[Odd, int], Protocol): ...

    assert refusals(tmp_path, {}, things=Declared) == [
        "python: things: list[str] is for IN (:x) only; a column holds a tuple[..., ...]"
    ]


# Orders

ORDERED = query(f"{SELECT} ORDER BY id LIMIT :n", header="-- order name: name, id\n")
NEEDS_ORDER = (
    "python: things.q: needs a parameter order: Literal[...] of its default, which names the order "
    "the text has, and those of the .sql file ({})"
)


@pytest.mark.parametrize(
    "declared",
    [
        (int, 1),
        (str, "id"),
        (Literal["id"], "id"),
        (Literal["id", "name"], None),
        (Literal["id", "name"], "name"),
        (Literal["id", "name", "age"], "id"),
        (Literal["id", "age"], "id"),
    ],
)
def test_orders_that_do_not_match(tmp_path: Path, declared: tuple[Any, Any]) -> None:
    annotation, default = declared

    class Declared(Things, Protocol):
        async def q(self, *, n: int, order: annotation = default) -> list[Thing]: ...  # type: ignore[valid-type]

    assert refusals(tmp_path, ORDERED, things=Declared) == [NEEDS_ORDER.format("'name'")]


def test_an_order_that_is_missing_on_either_side(tmp_path: Path) -> None:
    class Without(Things, Protocol):
        async def q(self, *, n: int) -> list[Thing]: ...

    class With(Things, Protocol):
        async def q(self, *, order: Literal["id", "name"] = "id") -> list[Thing]: ...

    assert refusals(tmp_path, ORDERED, things=Without) == [NEEDS_ORDER.format("'name'")]
    assert refusals(tmp_path, query(f"{SELECT} ORDER BY id"), things=With) == [
        NEEDS_ORDER.format("none")
    ]


def texts(ready: Bound) -> dict[str, str]:
    return {s.name: s.sql for s in ready.statements if s.name.startswith("things.q")}


def test_each_order_is_a_statement_of_its_own(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, n: int, order: Literal["id", "name"] = "id") -> list[Thing]: ...

    assert texts(bound(tmp_path, ORDERED, things=Declared)) == {
        "things.q": f"/* things.q */ {SELECT} ORDER BY id LIMIT ?1",
        "things.q:name": f"/* things.q:name */ {SELECT} ORDER BY name, id LIMIT ?1",
    }


# Texts


TEXTS = {
    "a IN (:ids)": ("a IN (SELECT value FROM JSON_EACH(?1))", "a = ANY ($1::bigint[])"),
    "a NOT IN (:ids)": ("a NOT IN (SELECT value FROM JSON_EACH(?1))", "a <> ALL ($1::bigint[])"),
    "NOT (a IN ( :ids ))": (
        "NOT (a IN ( SELECT value FROM JSON_EACH(?1) ))",
        "NOT (a = ANY ( $1::bigint[] ))",
    ),
    "a IN (:ids) OR a IN (:ids)": (
        "a IN (SELECT value FROM JSON_EACH(?1)) OR a IN (SELECT value FROM JSON_EACH(?1))",
        "a = ANY ($1::bigint[]) OR a = ANY ($1::bigint[])",
    ),
    "a IN (:ids) AND b IS NOT NULL": (
        "a IN (SELECT value FROM JSON_EACH(?1)) AND b IS NOT NULL",
        "a = ANY ($1::bigint[]) AND b IS NOT NULL",
    ),
    "':ids' <> b AND a IN (:ids) -- :ids\n": (
        "':ids' <> b AND a IN (SELECT value FROM JSON_EACH(?1)) -- :ids",
        "':ids' <> b AND a = ANY ($1::bigint[]) -- :ids",
    ),
}


@pytest.mark.parametrize("condition", TEXTS)
def test_lists_in_the_words_of_the_engine(tmp_path: Path, condition: str) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, ids: list[int]) -> list[Thing]: ...

    files = query(f"{SELECT} WHERE {condition};")
    sqlite, postgres = TEXTS[condition]
    head = "/* things.q */ SELECT id, name FROM"
    assert texts(bound(tmp_path, files, "sqlite", things=Declared)) == {
        "things.q": f"{head} things WHERE {sqlite}" + ("\n" if condition.endswith("\n") else "")
    }
    assert texts(bound(tmp_path, files, "postgres", things=Declared)) == {
        "things.q": f'{head} "pwrbot".things WHERE {postgres}'
        + ("\n" if condition.endswith("\n") else "")
    }


def test_scalars_in_a_list_of_their_own(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self, *, a: int, b: str | None) -> list[Thing]: ...

    files = query(f"{SELECT} WHERE a IN (:a, 5) AND (:b IS NULL OR b = :b)")
    assert texts(bound(tmp_path, files, "postgres", things=Declared))["things.q"].endswith(
        "a IN ($1::bigint, 5) AND ($2::text IS NULL OR b = $2::text)"
    )


def test_a_statement_that_ends_in_not_is_left_to_the_engine(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> list[Thing]: ...

    assert bound(tmp_path, query(f"{SELECT} WHERE NOT"), "postgres", things=Declared)


def test_only_tables_are_named_with_their_schema(tmp_path: Path) -> None:
    class Declared(Things, Protocol):
        async def q(self) -> list[Thing]: ...

    files = query(
        "SELECT things.id, t.name FROM things INNER JOIN things AS t ON t.id = things.id "
        "INNER JOIN other ON TRUE"
    )
    assert texts(bound(tmp_path, files, "postgres", things=Declared))["things.q"] == (
        '/* things.q */ SELECT things.id, t.name FROM "pwrbot".things INNER JOIN "pwrbot".things '
        "AS t ON t.id = things.id INNER JOIN other ON TRUE"
    )


# Entities and the macro


def test_entities_that_cannot_be_tables(tmp_path: Path) -> None:
    class Keyless(Entity, frozen=True, gc=False):
        id: int

    class TwoKeys(Entity, frozen=True, gc=False):
        a: Generated[int]
        b: Key[int]

    class A(Table[Keyless, int], Protocol): ...

    class B(Table[TwoKeys, int], Protocol): ...

    class C(Protocol): ...

    assert refusals(tmp_path, {}, a=A, b=B, c=C) == [
        "python: a: Keyless has no Key[...] field",
        "python: b: TwoKeys: a Generated[...] key stands alone",
        "python: c: a table derives from Table[Entity, Key]",
    ]


def test_the_macro_for_natural_composite_generated_and_whole_keys(tmp_path: Path) -> None:
    class Made(Entity, frozen=True, gc=False):
        name: str
        id: Generated[int] = 0

    class Pair(Entity, frozen=True, gc=False):
        a: Key[int]
        b: Key[datetime]

    class Mades(Table[Made, int], Protocol): ...

    class Pairs(Table[Pair, tuple[int, datetime]], Protocol): ...

    class Plain(Things, Protocol): ...

    ready = bound(tmp_path, {}, "sqlite", mades=Mades, pairs=Pairs, things=Plain)
    sql = {s.name: " ".join(s.sql.partition(" */ ")[2].split()) for s in ready.statements}
    assert "mades.replace" not in sql
    assert sql["mades.insert"] == "INSERT INTO mades (name) VALUES (?1) RETURNING name, id"
    assert sql["mades.update"] == "UPDATE mades SET name = ?1 WHERE id = ?2"
    assert sql["pairs.select"] == "SELECT a, b FROM pairs WHERE a = ?1 AND b = ?2"
    assert sql["pairs.update"] == "UPDATE pairs SET a = ?1 WHERE a = ?1 AND b = ?2"
    assert sql["pairs.replace"] == (
        "INSERT INTO pairs (a, b) VALUES (?1, ?2) "
        "ON CONFLICT (a, b) DO UPDATE SET a = excluded.a RETURNING a, b"
    )
    assert sql["things.delete"] == "DELETE FROM things WHERE id = ?1"


def test_a_macro_with_an_unknown_place(tmp_path: Path) -> None:
    class Declared(Things, Protocol): ...

    macro = "-- name: select :maybe\n-- A row.\nSELECT {columns} FROM {tabel} WHERE {where};"
    problems = refusals(tmp_path, {"table.sql": macro}, things=Declared)
    assert problems == ["table.sql:1: unknown place {tabel}"]


def test_a_macro_that_lacks_a_query_or_has_one_too_many(tmp_path: Path) -> None:
    class Declared(Things, Protocol): ...

    one = "-- name: upsert :maybe\n-- A row.\nSELECT {columns} FROM {table} WHERE {where};"
    problems = refusals(tmp_path, {"table.sql": one}, things=Declared)
    assert "table.sql:1: things.upsert: is not one of the CRUD macro's queries" in problems
    missing = {problem.rpartition(" ")[2] for problem in problems if "lacks" in problem}
    assert missing == CRUD - {"select_many"}


def test_a_macro_with_a_parameter_that_is_no_column(tmp_path: Path) -> None:
    class Declared(Things, Protocol): ...

    text = (sql_directory() / "queries" / "table.sql").read_text()
    macro = text.replace("DELETE FROM {table}\nWHERE {where}", "DELETE FROM {table} WHERE x = :x")
    [problem] = refusals(tmp_path, {"table.sql": macro}, things=Declared)
    assert problem.endswith("things.delete: no column for :x")


# All of it


def test_everything_wrong_is_told_at_once(tmp_path: Path, engine: EngineName) -> None:
    class Declared(Things, Protocol):
        async def one(self, *, a: float) -> Thing: ...

        async def two(self, *, b: int) -> list[Thing]: ...

        async def three(self) -> int: ...

    class Wings(Table[Name, str], Protocol): ...

    files: dict[str, str | bytes] = {
        "things.sql": f"-- name: one :one\n-- 1.\n{SELECT} WHERE a = :a;\n"
        f"-- name: two :maybe\n-- 2.\n{SELECT} WHERE c = :c;\n",
        "others.sql": f"-- name: q :many\n-- 3.\n{SELECT};\n",
    }
    problems = refusals(tmp_path, files, engine, things=Declared, wings=Wings)
    assert problems == [
        "others.sql:1: others.q: the repository has no table attribute 'others'",
        "python: things.one: parameter a: float has no place in the type table "
        "(pwrbot/repository/types.py)",
        "python: things.three: no query of this name in sql/queries/things.sql",
        "python: things.two: parameter b does not occur in the SQL",
        "python: wings: Name has no Key[...] field",
        "things.sql:4: things.two: :c is no parameter of the method",
        "things.sql:4: things.two: is :maybe, the method's return type says :many",
    ]


def test_the_real_queries_bind_on_both_engines(engine: EngineName) -> None:
    names = [statement.name for statement in bind_repository(engine).statements]
    assert len(names) == len(set(names))


# Opening a database that does not fit


async def test_a_database_without_tables_names_every_statement(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        connection.execute("VACUUM")
        connection.close()
    with pytest.raises(QueryFileError) as caught:
        await Repository.open(database_url)
    text = str(caught.value)
    for statement in bind_repository("sqlite").statements:
        assert f"{statement.query.full_name}: [" in text


async def test_a_database_without_a_file_is_not_made(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailable, match="`pwrbot migrate` makes it"):
        await Repository.open(sqlite_database_url)
    assert os.listdir(tmp_path) == []


async def test_a_half_migrated_database_names_what_does_not_fit(migrated_url: str) -> None:
    change = "ALTER TABLE feed_items RENAME COLUMN title TO headline"
    if migrated_url.startswith("sqlite"):
        connection = sqlite3.connect(migrated_url.removeprefix("sqlite:///"))
        connection.execute(change)
        connection.close()
    else:
        with psycopg.connect(migrated_url, autocommit=True) as server:
            server.execute("SET search_path = pwrbot")
            server.execute(change)
    with pytest.raises(QueryFileError) as caught:
        await Repository.open(migrated_url)
    named = {problem.message.partition(":")[0] for problem in caught.value.problems}
    of_items = (CRUD - {"delete", "count"}) | {"latest", "page"}
    assert named == {
        *(f"feed_items.{name}" for name in of_items),
        "feed_deliveries.pending",
        "feed_subscriptions.page_with_latest",
    }

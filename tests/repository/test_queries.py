"""The .sql files: what they say, and every way they can be wrong, with file and line."""

import re
from pathlib import Path

import pytest

from pwrbot.repository.errors import QueryFileError
from pwrbot.repository.queries import Kind, QueryFiles, load_queries
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.statement_shape import read_shape
from pwrbot.repository.tokens import tokenize
from tests.repository.declaring import load

KINDS = ":one, :maybe, :many, :value, :rows, :exec, :stream"
DIRECTIVES = (
    "known are 'order NAME: columns', 'notnull COLUMN: reason', 'scan TABLE: reason', "
    "'crosses guilds: reason' and 'replica: ok' (a sentence begins with a capital letter)"
)
OWN = "is the engine's own: the time, and what chance decides, are parameters"
OK = "-- name: all :many\n-- Every thing.\nSELECT id FROM things ORDER BY id;\n"


def wrong(directory: Path, files: dict[str, str | bytes]) -> list[str]:
    with pytest.raises(QueryFileError) as caught:
        load(directory, files)
    return [f"{p.path.name}:{p.line}: {p.message}" for p in caught.value.problems]


def body(sql: str) -> str:
    return f"-- name: all :many\n-- Every thing.\n{sql}"


REFUSED: dict[str, tuple[str, list[str]]] = {
    "no kind": (
        "-- name: all\n-- x\nSELECT id FROM t;",
        [f"t.sql:1: expected '-- name: lower_snake_case :kind', kinds: {KINDS}"],
    ),
    "kind without a colon": (
        "\n-- name: all many\n-- x\nSELECT id FROM t;",
        [f"t.sql:2: expected '-- name: lower_snake_case :kind', kinds: {KINDS}"],
    ),
    "no name": (
        "-- name: :many\n-- x\nSELECT id FROM t;",
        [f"t.sql:1: expected '-- name: lower_snake_case :kind', kinds: {KINDS}"],
    ),
    "name in camel case": (
        "-- name: allThings :many\n-- x\nSELECT id FROM t;",
        ["t.sql:1: a query's name is lower_snake_case, not 'allThings'"],
    ),
    "name that is no identifier": (
        "-- name: all-things :many\n-- x\nSELECT id FROM t;",
        ["t.sql:1: a query's name is lower_snake_case, not 'all-things'"],
    ),
    "unknown kind": (
        "-- name: all :list\n-- x\nSELECT id FROM t;",
        [f"t.sql:1: all: unknown kind :list, use one of {KINDS}"],
    ),
    "the same name twice": (
        OK + "\n" + OK,
        ["t.sql:5: t.all: this name is taken by t.sql:1; rename one"],
    ),
    "no description": (
        "-- name: all :many\nSELECT id FROM t;",
        ["t.sql:1: all: say in a comment below what one row means"],
    ),
    "directives are no description": (
        "-- name: all :many\n-- scan t: it is small\nSELECT id FROM t;",
        ["t.sql:1: all: say in a comment below what one row means"],
    ),
    "a header alone": (
        "-- name: all :many\n-- Every thing.\n",
        ["t.sql:1: all: a header without a statement"],
    ),
    "a header with nothing but a semicolon": (
        body("-- no\n;"),
        ["t.sql:1: all: a header without a statement"],
    ),
    "a header and only a comment": (
        body("\n/* later */"),
        ["t.sql:1: all: a header without a statement"],
    ),
    "two statements": (
        body("SELECT id FROM t;\nSELECT id FROM t;"),
        ["t.sql:1: all: more than one statement: give each its own header"],
    ),
    "a statement before the first header": (
        "-- Things.\n\nSELECT 1 AS a;\n" + OK,
        ["t.sql:3: SQL before the first '-- name: ... :kind' header"],
    ),
    "no header at all": (
        "-- Things.\n-- nam: all :many\n",
        ["t.sql:1: no query: expected a '-- name: ... :kind' header"],
    ),
    "an empty file": ("", ["t.sql:1: no query: expected a '-- name: ... :kind' header"]),
    "all columns": (
        body("SELECT * FROM t;"),
        ["t.sql:1: all: * is not a list of columns: name each, so that a new one breaks nothing"],
    ),
    "all columns of one table": (
        body("SELECT a, t.* FROM t;"),
        ["t.sql:1: all: * is not a list of columns: name each, so that a new one breaks nothing"],
    ),
    "an expression without a name": (
        body("SELECT COUNT(*) FROM t;"),
        ["t.sql:1: all: give the result column 'COUNT ( * )' a name: AS something"],
    ),
    "an expression named without AS": (
        body("SELECT a + 1 b FROM t;"),
        ["t.sql:1: all: give the result column 'a + 1 b' a name: AS something"],
    ),
    "a parameter without a name": (
        body("SELECT :x FROM t;"),
        ["t.sql:1: all: give the result column ':x' a name: AS something"],
    ),
    "two columns of one name": (
        body("SELECT a, b AS a FROM t;"),
        ["t.sql:1: all: two result columns have the same name: a, a"],
    ),
    "a parameter in capitals": (
        body("SELECT a FROM t WHERE b = :userId;"),
        ["t.sql:1: all: a parameter is lower_snake_case, not :userId"],
    ),
    "parentheses that do not match": (
        body("SELECT a FROM t WHERE (b = 1;"),
        ["t.sql:1: all: the parentheses do not match"],
    ),
    "no statement that queries know": (
        body("DROP TABLE t;"),
        ["t.sql:1: all: no SELECT, INSERT, UPDATE or DELETE found"],
    ),
    "a statement that only contains a SELECT": (
        body("REPLACE INTO t SELECT a FROM u;"),
        ["t.sql:1: all: no SELECT, INSERT, UPDATE or DELETE found"],
    ),
    "a string that is never closed": (
        OK + "-- name: b :many\n-- B.\nSELECT a\nFROM t\nWHERE b = 'it;\n",
        ["t.sql:8: b: a string is never closed"],
    ),
    "a comment that is never closed, after blank lines": (
        body("\n\nSELECT a\n/* FROM t;"),
        ["t.sql:6: all: a comment is never closed"],
    ),
    "a string that swallows the next header": (
        body("SELECT a AS a\nFROM t WHERE b = 'it;\n\n")
        + "-- name: b :many\n-- B.\nSELECT 1 AS a;",
        ["t.sql:4: all: a string is never closed"],
    ),
    "unknown directive": (
        "-- name: a :many\n-- A.\n-- cache: 5 minutes\nSELECT a FROM t;",
        [f"t.sql:3: unknown directive '-- cache: 5 minutes'; {DIRECTIVES}"],
    ),
    "unknown directive with a target": (
        "-- name: a :many\n-- A.\n-- sort recent: a\nSELECT a FROM t;",
        [f"t.sql:3: unknown directive '-- sort recent: a'; {DIRECTIVES}"],
    ),
    "an order without a name": (
        "-- name: a :many\n-- A.\n-- order: a\nSELECT a FROM t ORDER BY a;",
        [f"t.sql:3: unknown directive '-- order: a'; {DIRECTIVES}"],
    ),
    "an order with a name in capitals": (
        "-- name: a :many\n-- A.\n-- order Recent: a\nSELECT a FROM t ORDER BY a;",
        [f"t.sql:3: unknown directive '-- order Recent: a'; {DIRECTIVES}"],
    ),
    "a directive of too many words": (
        "-- name: a :many\n-- A.\n-- crosses all guilds: yes\nSELECT a FROM t;",
        [f"t.sql:3: unknown directive '-- crosses all guilds: yes'; {DIRECTIVES}"],
    ),
    "crossing guilds without a reason": (
        "-- name: a :many\n-- A.\n-- crosses guilds:\nSELECT a FROM t;",
        [f"t.sql:3: unknown directive '-- crosses guilds: '; {DIRECTIVES}"],
    ),
    "a replica that is not ok": (
        "-- name: a :many\n-- A.\n-- replica: no\nSELECT a FROM t;",
        [f"t.sql:3: unknown directive '-- replica: no'; {DIRECTIVES}"],
    ),
    "a scan without a reason": (
        "-- name: a :many\n-- A.\n-- scan t:\nSELECT a FROM t;",
        ["t.sql:3: '-- scan t:' says nothing after the colon"],
    ),
    "an order twice": (
        "-- name: a :many\n-- A.\n-- order b: a\n-- order b: c\nSELECT a FROM t ORDER BY a;",
        ["t.sql:4: '-- order b:' stands twice"],
    ),
    "an order where there is none": (
        "-- name: a :many\n-- A.\n-- order b: a\nSELECT a FROM t;",
        ["t.sql:1: a: order b: there is no ORDER BY to change"],
    ),
    "an order only inside a window": (
        "-- name: a :many\n-- A.\n-- order b: a\nSELECT SUM(a) OVER (ORDER BY b) AS a FROM t;",
        ["t.sql:1: a: order b: there is no ORDER BY to change"],
    ),
    "an order with a semicolon": (
        "-- name: a :many\n-- A.\n-- order b: a;\nSELECT a FROM t ORDER BY a;",
        ["t.sql:1: a: order b: only columns belong here, without a semicolon or a comment"],
    ),
    "an order that comments the rest out": (
        "-- name: a :many\n-- A.\n-- order b: a -- newest\nSELECT a FROM t ORDER BY a LIMIT :n;",
        ["t.sql:1: a: order b: only columns belong here, without a semicolon or a comment"],
    ),
    "an order with a parameter of its own": (
        "-- name: a :many\n-- A.\n-- order b: a = :x\nSELECT a FROM t ORDER BY a;",
        ["t.sql:1: a: order b: :x does not occur in the statement"],
    ),
    "an order that chance makes": (
        "-- name: a :many\n-- A.\n-- order b: random()\nSELECT a FROM t ORDER BY a;",
        [f"t.sql:1: a: order b: random {OWN}"],
    ),
    "an order that is never closed": (
        "-- name: a :many\n-- A.\n-- order b: 'a\nSELECT a FROM t ORDER BY a;",
        ["t.sql:1: a: order b: a string is never closed"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, case: str) -> None:
    text, expected = REFUSED[case]
    assert wrong(tmp_path, {"t.sql": text}) == expected


@pytest.mark.parametrize("case", [case for case in REFUSED if "\n" in REFUSED[case][0]])
def test_refused_with_the_same_lines_whatever_the_line_ends(tmp_path: Path, case: str) -> None:
    text, expected = REFUSED[case]
    assert wrong(tmp_path, {"t.sql": text.replace("\n", "\r\n")}) == expected


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("Current_Date", "Current_Date"),
        ("current_time(3)", "current_time"),
        ("LOCALTIME", "LOCALTIME"),
        ("LOCALTIMESTAMP", "LOCALTIMESTAMP"),
        ("date('now')", "'now'"),
        ("STRFTIME('%s', 'NOW', '-1 day')", "'NOW'"),
        ("'now'::timestamptz", "'now'"),
        ("now()", "now"),
        ("pg_catalog.now ( )", "now"),
        ("CLOCK_TIMESTAMP()", "CLOCK_TIMESTAMP"),
        ("statement_timestamp()", "statement_timestamp"),
        ("transaction_timestamp()", "transaction_timestamp"),
        ("timeofday()", "timeofday"),
        ("unixepoch()", "unixepoch"),
        ("date() || time()", "date"),
        ("datetime()", "datetime"),
        ("julianday()", "julianday"),
        ("abs(random())", "random"),
        ("random(1, 6)", "random"),
        ("randomblob(16)", "randomblob"),
        ("gen_random_uuid()", "gen_random_uuid"),
        ("uuidv7()", "uuidv7"),
        ("CAST('today' AS DATE)", "'today'"),
    ],
)
@pytest.mark.parametrize(
    "sql",
    ["SELECT {} AS a FROM t;", "SELECT a FROM t WHERE b < {};", "INSERT INTO t (a) VALUES ({});"],
)
def test_the_engines_own_clock_and_chance_are_refused(
    tmp_path: Path, expression: str, told: str, sql: str
) -> None:
    assert wrong(tmp_path, {"t.sql": body(sql.format(expression))}) == [
        f"t.sql:1: all: {told} {OWN}"
    ]


@pytest.mark.parametrize(
    "expression",
    [
        ":now",
        "b.now",
        "'it is now'",
        "-- now()\n a",
        "unixepoch(:at)",
        "date(at / 1000000, 'unixepoch')",
        "random",
    ],
)
def test_what_only_looks_like_a_clock_is_none(expression: str) -> None:
    shape = read_shape(tokenize(f"SELECT a FROM t WHERE b = {expression}"))
    assert shape.columns == ("a",)


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    assert wrong(
        tmp_path,
        {
            "b.sql": "-- name: x :many\nSELECT a FROM t;\n-- name: y :odd\n-- Y.\nSELECT a FROM t;",
            "a.sql": OK + OK,
            "c.mysql.sql": OK,
            "Dd.sql": OK,
        },
    ) == [
        "Dd.sql:1: a file is named after its table: lower_snake_case.sql",
        "a.sql:4: a.all: this name is taken by a.sql:1; rename one",
        "b.sql:1: x: say in a comment below what one row means",
        f"b.sql:3: y: unknown kind :odd, use one of {KINDS}",
        "c.mysql.sql:1: unknown engine 'mysql': use .sqlite.sql or .postgres.sql",
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"t.sqlite.sql": OK},
            ["t.sqlite.sql:1: t.all: has a text for sqlite only; add it to t.postgres.sql too"],
        ),
        (
            {"t.postgres.sql": OK, "t.sqlite.sql": OK.replace("all", "some")},
            [
                "t.postgres.sql:1: t.all: has a text for postgres only; add it to t.sqlite.sql too",
                "t.sqlite.sql:1: t.some: has a text for sqlite only; add it to t.postgres.sql too",
            ],
        ),
        (
            {"t.sql": OK, "t.sqlite.sql": OK},
            ["t.sqlite.sql:1: t.all: this name is taken by t.sql:1; rename one"],
        ),
        (
            {"t.sql": OK, "t.sqlite.sql": OK, "t.postgres.sql": OK},
            [
                "t.sql:1: t.all: this name is taken by t.postgres.sql:1; rename one",
                "t.sqlite.sql:1: t.all: this name is taken by t.sql:1; rename one",
            ],
        ),
        ({"t.sqlite.extra.sql": OK}, ["t.sqlite.extra.sql:1: unknown engine 'sqlite.extra': "]),
        ({".sql": OK}, [".sql:1: a file is named after its table: lower_snake_case.sql"]),
    ],
)
def test_texts_for_one_engine(
    tmp_path: Path, files: dict[str, str | bytes], expected: list[str]
) -> None:
    found = wrong(tmp_path, files)
    assert len(found) == len(expected)
    assert all(map(str.startswith, found, expected))


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    text = OK.encode() + b"-- caf\xe9\n"
    assert wrong(tmp_path, {"t.sql": text}) == ["t.sql:4: not UTF-8: save the file as UTF-8"]


def test_a_directory_without_files_is_refused(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(QueryFileError, match=r"there is no \.sql file in this directory"):
            load_queries(directory)


@pytest.mark.parametrize(
    "text",
    [
        OK,
        OK.rstrip(),
        OK.rstrip("\n;"),
        OK.replace("\n", "\r\n"),
        OK.replace("\n", "\r"),
        "\ufeff" + OK,
        "-- Things.\n-- and more\n\n" + OK,
        OK.replace(":many", ":many  "),
        OK.replace("-- name: ", "--name:"),
        OK + "-- the end\n\n\n",
    ],
)
def test_the_same_query_however_the_file_was_saved(tmp_path: Path, text: str) -> None:
    files = load(tmp_path, {"t.sql": text})
    for queries in files.queries.values():
        query = queries["t.all"]
        statement = "".join(token.text for token in query.tokens)
        assert statement == "SELECT id FROM things ORDER BY id"
        assert (query.kind, query.description) == (Kind.MANY, "Every thing.")


def test_what_a_header_says(tmp_path: Path) -> None:
    text = """-- Things.

-- name: board :many
-- One line: longest first;
-- ties by id.
-- order recent: at DESC, id
-- order name: LOWER(name), id
-- notnull total: it is summed over one row at least
-- scan things: all are meant
-- crosses guilds: for operators
-- replica: ok
SELECT id FROM things ORDER BY id;
"""
    query = load(tmp_path, {"things.sql": text}).queries["sqlite"]["things.board"]
    assert query.line == 3
    assert query.description == "One line: longest first; ties by id."
    assert query.directives.orders == {"recent": "at DESC, id", "name": "LOWER(name), id"}
    assert query.directives.notnull == {"total": "it is summed over one row at least"}
    assert query.directives.scans == {"things": "all are meant"}
    assert query.directives.crosses_guilds == "for operators"
    assert query.directives.replica


def test_characters_that_only_python_takes_for_line_ends_stay_in_their_string(
    tmp_path: Path,
) -> None:
    for character in "\x0b\x0c\x1c\x85\u2028\u2029":
        text = body(f"SELECT 'a{character}b' AS a;\n") + "-- name: b :odd\n"
        [problem] = wrong(tmp_path, {"t.sql": text})
        assert problem.startswith("t.sql:4: b: unknown kind")
        query = load(tmp_path, {"t.sql": body(f"SELECT 'a{character}b' AS a;")})
        assert f"'a{character}b'" in [t.text for t in query.queries["sqlite"]["t.all"].tokens]


def test_every_query_of_the_bot_is_described_for_both_engines() -> None:
    files: QueryFiles = load_queries(sql_directory() / "queries")
    assert files.queries["sqlite"].keys() == files.queries["postgres"].keys()
    for query in files.queries["sqlite"].values():
        assert re.search(r"[.;]$", query.description), query.full_name

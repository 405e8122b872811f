"""What looks like a parameter inside a string is none, and everything comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.repository.statement_shape import ShapeError, read_shape
from pwrbot.repository.tokens import TokenKind, UnclosedError, tokenize

PARAMETERS = {
    "SELECT a FROM t WHERE b = :x": ["x"],
    "SELECT a FROM t WHERE b=:x AND c=:x": ["x"],
    "SELECT a FROM t WHERE b = :y AND c = :x": ["y", "x"],
    "SELECT a FROM t WHERE b = :x1_y": ["x1_y"],
    "SELECT ':x' AS a": [],
    "SELECT 'it''s :x' AS a": [],
    "SELECT '' AS a, :x AS b": ["x"],
    "SELECT '\\' AS a, :x AS b": ["x"],
    r"SELECT E'\':x' AS a": [],
    r"SELECT e'\\' AS a, :x AS b": ["x"],
    r"SELECT nice'\' AS a, :x AS b": ["x"],
    'SELECT ":x" AS a': [],
    'SELECT "a"":x" AS a': [],
    "SELECT `:x` AS a": [],
    "SELECT [:x] AS a": [],
    "SELECT a -- :x\nFROM t": [],
    "SELECT a -- it's :x\nFROM t WHERE b = :y": ["y"],
    "SELECT a /* :x */ FROM t": [],
    "SELECT a /* /* :x */ :y */ FROM t WHERE b = :z": ["z"],
    "SELECT a /* it's \" $$ */ FROM t WHERE b = :z": ["z"],
    "SELECT a - -:x AS b": ["x"],
    "SELECT a / :x AS b": ["x"],
    "SELECT a::text AS b": [],
    "SELECT :x::text AS b": ["x"],
    "SELECT a :: text AS b": [],
    "SELECT $$ :x $$ AS a": [],
    "SELECT $tag$ :x $$ :y $tag$ AS a, :z AS b": ["z"],
    "SELECT $1$ AS a, :x AS b": ["x"],
    "SELECT a[1:2] AS b": [],
    "SELECT a[b[1]:c] AS b, :x AS d": ["x"],
    "SELECT a[']':x] AS b, :y AS d": ["y"],
    "SELECT a[1::int] AS b": [],
    "SELECT X':x' AS a": [],
    "SELECT U&':x' AS a": [],
    "SELECT 'a\n:x\nb' AS a": [],
    "SELECT a FROM t WHERE a ->> '$.b' = :x": ["x"],
    "SELECT größe AS a FROM t WHERE größe = :größe": ["größe"],
    "SELECT 12:30 AS a": [],
    "SELECT a:b AS a": ["b"],
    "SELECT :1 AS a": [],
    "SELECT : x AS a": [],
}


@pytest.mark.parametrize("sql", PARAMETERS)
def test_only_parameters_are_parameters(sql: str) -> None:
    found = [t.text[1:] for t in tokenize(sql) if t.kind is TokenKind.PARAMETER]
    assert list(dict.fromkeys(found)) == PARAMETERS[sql]


@pytest.mark.parametrize("sql", PARAMETERS)
def test_the_texts_of_all_tokens_are_the_statement(sql: str) -> None:
    assert "".join(token.text for token in tokenize(sql)) == sql


@given(st.text(alphabet="ab:'\"`$[]()/*-;,.\\\n eE1=é", max_size=40))
def test_any_text_is_tokenized_without_loss_or_refused(sql: str) -> None:
    try:
        tokens = tokenize(sql)
    except UnclosedError:
        return
    assert "".join(token.text for token in tokens) == sql
    line = 0
    for token in tokens:
        assert token.text
        assert token.line == line
        line += token.text.count("\n")


@given(st.text(alphabet="ab:'()*,; \nSELECTFROMASBYODIN", max_size=60))
def test_any_tokens_have_a_shape_or_are_refused(text: str) -> None:
    try:
        shape = read_shape(tokenize(f"SELECT a FROM t {text}"))
    except (UnclosedError, ShapeError):
        return
    assert shape.columns
    assert shape.columns[0] == "a"


@pytest.mark.parametrize(
    ("sql", "message", "line"),
    [
        ("SELECT\n'a\nb", "a string is never closed", 1),
        ("SELECT\n\nE'a\\'", "a string is never closed", 2),
        ('SELECT "a', "a quoted name is never closed", 0),
        ("SELECT `a", "a quoted name is never closed", 0),
        ("SELECT a\n/* /* */\n", "a comment is never closed", 1),
        ("SELECT\na[1", "a bracket is never closed", 1),
        ("SELECT a['\n]", "a string is never closed", 0),
        ("SELECT $x$ a $$\n$y$", "the text quoted by $x$ is never closed", 0),
        ("SELECT E'\\", "a string is never closed", 0),
    ],
)
def test_what_is_never_closed_is_told_with_its_line(sql: str, message: str, line: int) -> None:
    with pytest.raises(UnclosedError, match=message.replace("$", r"\$")) as caught:
        tokenize(sql)
    assert caught.value.line == line


READONLY = {
    "SELECT a FROM t": True,
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x": True,
    "VALUES (1)": True,
    "SELECT a FROM t FOR UPDATE": False,
    "WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x": False,
    "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x": False,
    "INSERT INTO t (a) VALUES (1)": False,
    "UPDATE t SET a = 1": False,
    "DELETE FROM t": False,
    "select a from t -- delete": True,
    "select 'delete' as a": True,
}


@pytest.mark.parametrize("sql", READONLY)
def test_whether_a_statement_writes(sql: str) -> None:
    assert read_shape(tokenize(sql)).readonly is READONLY[sql]


COLUMNS = {
    "SELECT a, t.b, c AS d, COUNT(*) AS e FROM t": ("a", "b", "d", "e"),
    "SELECT DISTINCT a, b FROM t": ("a", "b"),
    "SELECT (SELECT x FROM y) AS a, CASE WHEN b THEN c END AS d": ("a", "d"),
    "WITH x (q) AS (SELECT 1 AS z) SELECT q FROM x": ("q",),
    "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY a": ("a",),
    "INSERT INTO t (a) VALUES (1) RETURNING a, b AS c": ("a", "c"),
    "INSERT INTO t (a) SELECT b FROM u": (),
    "UPDATE t SET a = 1 RETURNING a": ("a",),
    "DELETE FROM t": (),
    "SELECT ROW_NUMBER() OVER (ORDER BY a, b) AS n FROM t": ("n",),
}


@pytest.mark.parametrize("sql", COLUMNS)
def test_the_names_of_the_result_columns(sql: str) -> None:
    assert read_shape(tokenize(sql)).columns == COLUMNS[sql]


ORDERS = {
    "SELECT a FROM t ORDER BY a, b DESC": "a, b DESC",
    "SELECT a FROM t ORDER BY a LIMIT :n": "a",
    "SELECT a FROM t ORDER BY COALESCE(a, 1) /* why */ LIMIT 1": "COALESCE(a, 1)",
    "SELECT ROW_NUMBER() OVER (ORDER BY a) AS n FROM t": None,
    "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 1) AS x": None,
    "SELECT a FROM (SELECT a FROM t ORDER BY a) AS x ORDER BY b FETCH FIRST ROW ONLY": "b",
}


@pytest.mark.parametrize("sql", ORDERS)
def test_which_tokens_order_the_result(sql: str) -> None:
    tokens = tokenize(sql)
    order = read_shape(tokens).order
    text = None if order is None else "".join(t.text for t in tokens[order[0] : order[1]])
    assert text == ORDERS[sql]

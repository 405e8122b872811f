"""Which expressions can be NULL, and which cannot: the same on both engines."""

import sqlite3
from pathlib import Path

import pytest

from pwrbot.repository.check.catalog import read_catalog
from pwrbot.repository.check.nullability import Nullability
from pwrbot.repository.check.tree import Tree
from pwrbot.repository.queries import ENGINES, EngineName

SCHEMA = """
CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a BIGINT NOT NULL, n BIGINT, s TEXT NOT NULL);
CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, t_id BIGINT NOT NULL, b BIGINT NOT NULL);
"""

NEVER = [
    "SELECT a AS x FROM t",
    "SELECT 1 AS x FROM t",
    "SELECT 'a' || s AS x FROM t",
    "SELECT -(a + 1) * 2 AS x FROM t",
    "SELECT a / 2 AS x FROM t",
    "SELECT COUNT(n) AS x FROM t",
    "SELECT COUNT(*) AS x FROM t",
    "SELECT COALESCE(n, 0) AS x FROM t",
    "SELECT COALESCE(SUM(n), 0) AS x FROM t",
    "SELECT SUM(a) AS x FROM t GROUP BY s",
    "SELECT MAX(s) AS x FROM t GROUP BY a",
    "SELECT n IS NULL AS x FROM t",
    "SELECT n IS NOT NULL AS x FROM t",
    "SELECT EXISTS (SELECT 1 AS y FROM u WHERE u.b = t.n) AS x FROM t",
    "SELECT a IN (1, 2) AS x FROM t",
    "SELECT a BETWEEN 1 AND 2 AS x FROM t",
    "SELECT CASE WHEN a > 1 THEN a ELSE 0 END AS x FROM t",
    "SELECT CASE WHEN n > 1 THEN n ELSE 0 END AS x FROM t",
    "SELECT CASE WHEN n IS NOT NULL THEN n ELSE 0 END AS x FROM t",
    "SELECT ROW_NUMBER() OVER (ORDER BY n) AS x FROM t",
    "SELECT SUM(a) OVER (PARTITION BY n) AS x FROM t",
    "SELECT COUNT(*) OVER () AS x FROM t",
    "SELECT n AS x FROM t WHERE n IS NOT NULL",
    "SELECT n AS x FROM t WHERE n > 1 AND a = 2",
    "SELECT n + 1 AS x FROM t WHERE n <> 3",
    "SELECT n AS x FROM t WHERE a < n + 2",
    "SELECT t.n AS x FROM t INNER JOIN u ON t.n = u.t_id",
    "SELECT u.b AS x FROM t LEFT JOIN u ON t.id = u.t_id WHERE u.b > 1",
    "SELECT t.a AS x FROM t LEFT JOIN u ON t.id = u.t_id",
    "SELECT u.b AS x FROM t RIGHT JOIN u ON t.id = u.t_id",
    "SELECT y.a AS x FROM (SELECT a FROM t) AS y",
    "WITH c AS (SELECT a FROM t WHERE a > 1) SELECT c.a AS x FROM c",
    "WITH c (z) AS (SELECT a FROM t) SELECT c.z AS x FROM c",
    "SELECT a AS x FROM t UNION ALL SELECT b AS y FROM u",
    "SELECT (SELECT COUNT(*) AS y FROM u) AS x FROM t",
    "SELECT :given AS x FROM t",
    "INSERT INTO t (id, a, s) VALUES (:given, 1, 's') RETURNING a AS x",
    "UPDATE t SET a = 2 WHERE id = 1 RETURNING id AS x",
    "UPDATE t SET a = 2 WHERE n > 1 RETURNING s AS x",
    "DELETE FROM t WHERE id = 1 RETURNING a AS x",
]

PERHAPS = [
    "SELECT n AS x FROM t",
    "SELECT NULL AS x FROM t",
    "SELECT n + a AS x FROM t",
    "SELECT a / n AS x FROM t",
    "SELECT a % id AS x FROM t",
    "SELECT SUM(a) AS x FROM t",
    "SELECT MAX(id) AS x FROM t",
    "SELECT SUM(n) AS x FROM t GROUP BY s",
    "SELECT COALESCE(n, NULL) AS x FROM t",
    "SELECT CASE WHEN a > 1 THEN a END AS x FROM t",
    "SELECT CASE WHEN a > 1 THEN n ELSE 0 END AS x FROM t",
    "SELECT CASE WHEN n > 1 THEN 0 ELSE n END AS x FROM t",
    "SELECT n > 1 AS x FROM t",
    "SELECT a IN (1, NULL) AS x FROM t",
    "SELECT LAG(a) OVER (ORDER BY id) AS x FROM t",
    "SELECT SUM(a) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS x FROM t",
    "SELECT n AS x FROM t WHERE n > 1 OR a = 2",
    "SELECT n AS x FROM t WHERE n IS NULL",
    "SELECT n AS x FROM t WHERE COALESCE(n, 1) = 1",
    "SELECT u.b AS x FROM t LEFT JOIN u ON t.id = u.t_id",
    "SELECT u.b AS x FROM t LEFT JOIN u ON t.id = u.t_id AND u.b > 1",
    "SELECT t.a AS x FROM t RIGHT JOIN u ON t.id = u.t_id",
    "SELECT t.a AS x FROM t FULL JOIN u ON t.id = u.t_id",
    "SELECT z.b AS x FROM t LEFT JOIN (SELECT b, t_id FROM u) AS z ON t.id = z.t_id",
    "SELECT (SELECT u.b FROM u WHERE u.id = t.id) AS x FROM t",
    "SELECT (SELECT SUM(b) AS y FROM u) AS x FROM t",
    "SELECT (SELECT COUNT(*) AS y FROM u GROUP BY b LIMIT 1) AS x FROM t",
    "SELECT a AS x FROM t UNION ALL SELECT n AS y FROM t",
    "SELECT SOME_FUNCTION(a) AS x FROM t",
    "SELECT :perhaps AS x FROM t",
    "SELECT v.a AS x FROM some_view AS v",
    "UPDATE t SET n = 2 WHERE id = 1 RETURNING n AS x",
    "UPDATE t SET n = :perhaps WHERE n > 1 RETURNING n AS x",
    "SELECT SUM(a) OVER w AS x FROM t WINDOW w AS (ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)",
    "SELECT a AS x FROM t GROUP BY ROLLUP (a)",
]


def can_be_null(text: str, engine: EngineName) -> bool:
    tree = Tree(text, engine, read_catalog(SCHEMA, engine))
    return Nullability(tree, {"given": False, "perhaps": True}).outputs()["x"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", NEVER)
def test_it_is_never_null(text: str, engine: EngineName) -> None:
    assert not can_be_null(text, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", PERHAPS)
def test_it_can_be_null(text: str, engine: EngineName) -> None:
    assert can_be_null(text, engine)


@pytest.mark.parametrize(
    ("column", "nullable"),
    [
        ("INTEGER PRIMARY KEY", False),
        ("TEXT PRIMARY KEY", True),  # a slip that SQLite keeps for those who rely on it
        ("TEXT NOT NULL PRIMARY KEY", False),
        ("TEXT", True),
    ],
)
def test_a_key_of_sqlite_may_be_null(column: str, nullable: bool, tmp_path: Path) -> None:
    catalog = read_catalog(f"CREATE TABLE t (k {column});", "sqlite")
    assert catalog["t"].columns["k"].nullable is nullable
    strict = read_catalog(f"CREATE TABLE t (k {column}) STRICT;", "sqlite")
    assert strict["t"].columns["k"].nullable is (column == "TEXT")


@pytest.mark.parametrize("text", NEVER)
def test_the_engine_finds_no_null_where_there_is_none(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    connection.executescript(
        "INSERT INTO t VALUES (1, 1, NULL, 'a'), (2, 0, 1, 'a'), (3, 2, 5, 'b');"
        "INSERT INTO u VALUES (1, 1, 0), (2, 9, 4), (3, 2, 2);"
    )
    rows = connection.execute(text, {"given": 7}).fetchall()
    connection.close()
    assert [row for row in rows if None in row] == []

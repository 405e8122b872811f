"""Which ORDER BY decides alone what a LIMIT keeps."""

import pytest

from pwrbot.repository.check.catalog import read_catalog
from pwrbot.repository.check.tree import Tree
from pwrbot.repository.check.uniqueness import Uniqueness
from pwrbot.repository.queries import ENGINES, EngineName

SCHEMA = """
CREATE TABLE t (
    id BIGINT NOT NULL PRIMARY KEY, a BIGINT NOT NULL, n BIGINT, s TEXT NOT NULL UNIQUE
);
CREATE TABLE u (t_id BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT NOT NULL, PRIMARY KEY (t_id, b));
CREATE TABLE w (k BIGINT, c BIGINT NOT NULL, UNIQUE (k));
CREATE UNIQUE INDEX u_c ON u (c) WHERE b > 1;
"""

TOTAL = [
    "SELECT a FROM t ORDER BY id LIMIT 1",
    "SELECT a FROM t ORDER BY a, s DESC LIMIT 1",
    "SELECT a AS x FROM t ORDER BY x LIMIT 1",  # equal rows are equal: whichever is kept
    "SELECT id AS x, n FROM t ORDER BY x LIMIT 1",
    "SELECT id, n FROM t ORDER BY 1 LIMIT 1",
    "SELECT n FROM t WHERE id = :id LIMIT 1",
    "SELECT c FROM u WHERE t_id = :id ORDER BY b LIMIT 1",
    "SELECT t.a, u.c FROM t INNER JOIN u ON t.id = u.t_id ORDER BY u.t_id, u.b LIMIT 1",
    "SELECT t.a, u.c FROM u LEFT JOIN t ON t.id = u.t_id ORDER BY u.t_id, u.b LIMIT 1",
    "SELECT t.n, u.c FROM u LEFT JOIN t ON t.id = u.t_id AND u.b = 1 ORDER BY u.t_id, u.b LIMIT 1",
    "SELECT COUNT(*) AS x FROM t LIMIT 1",
    "SELECT a, COUNT(*) AS x FROM t GROUP BY a ORDER BY x, a LIMIT 1",
    "SELECT a + 1 AS y, COUNT(*) AS x FROM t GROUP BY a + 1 ORDER BY x, a + 1 LIMIT 1",
    "SELECT DISTINCT a FROM t ORDER BY a LIMIT 1",
    "SELECT a FROM t UNION SELECT b FROM u ORDER BY a LIMIT 1",
    "SELECT x.a FROM (SELECT a, COUNT(*) AS c FROM t GROUP BY a) AS x ORDER BY x.c, x.a LIMIT 1",
    "WITH x AS (SELECT n, ROW_NUMBER() OVER (ORDER BY id) AS r FROM t)"
    " SELECT x.n FROM x ORDER BY x.r LIMIT 1",
    "SELECT t.n FROM t CROSS JOIN (SELECT MAX(b) AS m FROM u) AS x ORDER BY t.id LIMIT 1",
    "SELECT left_at.n - 1 AS length FROM t AS left_at ORDER BY left_at.n - 1 DESC LIMIT 1",
]

NOT_TOTAL = [
    "SELECT id FROM t LIMIT 1",
    "SELECT id FROM t ORDER BY a LIMIT 1",
    "SELECT id, a FROM t ORDER BY a OFFSET 1",
    "SELECT k, c FROM w ORDER BY k LIMIT 1",  # NULL may stand in it more than once
    "SELECT c, b FROM u ORDER BY c LIMIT 1",  # unique only for some
    "SELECT c FROM u ORDER BY b LIMIT 1",
    "SELECT t.a, u.c FROM t INNER JOIN u ON t.id = u.t_id ORDER BY t.id LIMIT 1",
    "SELECT t.a, u.b FROM t LEFT JOIN u ON t.id = u.t_id ORDER BY t.id LIMIT 1",
    "SELECT t.id, u.c FROM t LEFT JOIN u ON t.id = u.t_id ORDER BY u.t_id, u.b LIMIT 1",
    "SELECT u.b AS x FROM t LEFT JOIN u ON u.b = t.a AND t.n > 5 ORDER BY t.a LIMIT 1",
    "SELECT t.id, u.c FROM t FULL JOIN u ON t.id = u.t_id ORDER BY t.id LIMIT 1",
    "SELECT a, COUNT(*) AS x FROM t GROUP BY a ORDER BY x LIMIT 1",
    "SELECT a, ROW_NUMBER() OVER (ORDER BY id) AS r FROM t ORDER BY a LIMIT 1",
    "SELECT a, n FROM t UNION ALL SELECT b, c FROM u ORDER BY a LIMIT 1",
    "WITH x AS (SELECT a, id FROM t UNION ALL SELECT b, c FROM u)"
    " SELECT x.a, x.id FROM x ORDER BY x.id LIMIT 1",
    "SELECT v.id, v.a FROM some_view AS v ORDER BY v.id LIMIT 1",
    "SELECT t.n FROM t WHERE t.a = (SELECT u.b FROM u ORDER BY u.c LIMIT 1)",
    "SELECT n FROM t WHERE id = :id OR a = 1 LIMIT 1",
]


def all_total(text: str, engine: EngineName) -> bool:
    tree = Tree(text, engine, read_catalog(SCHEMA, engine))
    uniqueness = Uniqueness(tree)
    return all(uniqueness.is_total(block) for block in tree.blocks if block.limit is not None)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", TOTAL)
def test_an_order_is_total(text: str, engine: EngineName) -> None:
    assert all_total(text, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", NOT_TOTAL)
def test_an_order_is_not_total(text: str, engine: EngineName) -> None:
    assert not all_total(text, engine)

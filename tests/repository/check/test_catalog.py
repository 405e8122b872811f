"""The catalog read from a schema's text is the engine's own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from pwrbot.repository.check.catalog import digest, read_catalog
from pwrbot.repository.sql_files import sql_directory


def schema(engine: str) -> str:
    return (sql_directory() / "schema" / f"{engine}.sql").read_text(encoding="utf-8")


def test_it_is_what_sqlite_says(migrated_sqlite: Path) -> None:
    with closing(sqlite3.connect(migrated_sqlite)) as connection:
        for table in read_catalog(schema("sqlite"), "sqlite").values():
            rows = connection.execute(f"PRAGMA table_info({table.name})").fetchall()
            assert [(c.name, c.type) for c in table.columns.values()] == [r[1:3] for r in rows]
            keyed = [r[1] for r in sorted(rows, key=lambda r: r[5]) if r[5]]
            assert list(table.primary_key) == keyed
            not_null = {r[1] for r in rows if r[3] or r[5]}
            assert {c.name for c in table.columns.values() if not c.nullable} == not_null


def test_it_is_what_postgresql_says(migrated_postgres_url: str) -> None:
    with psycopg.connect(migrated_postgres_url) as connection:
        for table in read_catalog(schema("postgres"), "postgres").values():
            rows = connection.execute(
                "SELECT column_name, upper(data_type), is_nullable = 'YES' FROM"
                " information_schema.columns WHERE table_schema = 'pwrbot' AND table_name = %s"
                " ORDER BY ordinal_position",
                (table.name,),
            ).fetchall()
            assert [(c.name, c.type, c.nullable) for c in table.columns.values()] == rows


def test_keys_and_unique_columns_are_found_however_they_are_written() -> None:
    catalog = read_catalog(
        """
        CREATE TABLE t (
            a BIGINT NOT NULL UNIQUE, b NUMERIC(10, 2) DEFAULT (1 + 2) NOT NULL, c TEXT,
            d TEXT NOT NULL CHECK (d IN ('x', 'UNIQUE, y')), PRIMARY KEY (d, b), UNIQUE (a, c)
        );
        CREATE UNIQUE INDEX i ON t (b);
        CREATE UNIQUE INDEX j ON t (lower(d));
        CREATE UNIQUE INDEX k ON t (d) WHERE a > 1;
        CREATE INDEX l ON t (d);
        """,
        "postgres",
    )
    assert catalog["t"].primary_key == ("d", "b")
    assert set(catalog["t"].unique) == {frozenset(("d", "b")), frozenset("a"), frozenset("b")}
    assert [c.name for c in catalog["t"].columns.values() if c.filled] == ["b"]


def test_indexes_and_foreign_keys_are_found_however_they_are_written() -> None:
    catalog = read_catalog(
        """
        CREATE TABLE t (
            a BIGINT REFERENCES u (a), b BIGINT UNIQUE, c BIGINT,
            PRIMARY KEY (c, a), CONSTRAINT f FOREIGN KEY (b, c) REFERENCES v (x, y)
        );
        CREATE INDEX i ON t USING btree (b, c DESC);
        CREATE INDEX j ON t (lower(a), b);
        CREATE UNIQUE INDEX k ON t (c);
        CREATE INDEX l ON t (a) WHERE b > 1;
        """,
        "postgres",
    )
    assert set(catalog["t"].references) == {("a",), ("b", "c")}
    assert set(catalog["t"].indexes) == {("c", "a"), ("b",), ("b", "c"), (None, "b"), ("c",)}


def test_a_table_is_found_where_it_begins() -> None:
    catalog = read_catalog(
        "-- Why.\n\nCREATE TABLE t (a INT);\nCREATE TABLE u (\na INT);", "sqlite"
    )
    assert {table.name: table.line for table in catalog.values()} == {"t": 3, "u": 4}


def test_partitions_are_part_of_the_whole() -> None:
    whole = "CREATE TABLE t (a BIGINT, PRIMARY KEY (a)) PARTITION BY RANGE (a);"
    first = "CREATE TABLE p PARTITION OF t FOR VALUES FROM (MINVALUE) TO (7)"
    again = "CREATE TABLE q PARTITION OF p DEFAULT;"
    index = "CREATE INDEX i ON q (a);"
    found = [
        read_catalog(text, "postgres")
        for text in (
            whole,
            f"{whole} {first};",
            f"{whole} {first} PARTITION BY RANGE (a); {again}",
            f"{whole} {first} PARTITION BY RANGE (a); {again} {index}",
        )
    ]
    assert [list(catalog) for catalog in found] == [["t"]] * 4
    assert len({catalog["t"].fingerprint for catalog in found}) == 4


def test_a_digest_keeps_to_what_means_something() -> None:
    text = "SELECT a, 'b  c' AS x\nFROM t;"
    assert digest(text) == digest("SELECT a,'b  c' AS x -- why\n /* and */ FROM t")
    assert digest(text) != digest("SELECT a, 'b c' AS x FROM t")
    assert digest(text) != digest("SELECT a, 'b  c' AS x FROM T")

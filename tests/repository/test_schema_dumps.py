"""sql/schema: what the migrations make, as text that makes it again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pwrbot.repository.migrations import (
    MigrationError,
    check_schema,
    dump_schema,
    migrate,
    write_schema,
)
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, SQLiteURL
from tests.repository.by_hand import run
from tests.repository.sql_tree import SQLTree


def test_the_dump_makes_the_schema_again(
    url: SQLiteURL | PostgresURL, tmp_path: Path, tree: SQLTree
) -> None:
    migrate(url)
    dump = dump_schema(url)
    if isinstance(url, SQLiteURL):
        again: SQLiteURL | PostgresURL = SQLiteURL(tmp_path / "again.db")
        with closing(sqlite3.connect(again.path)) as connection:  # type: ignore[union-attr]
            connection.executescript(dump)
        assert dump_schema(again) == dump
    else:
        run(url, 'CREATE SCHEMA "Again"', 'SET search_path TO "Again"', dump)
        assert dump_schema(url, schema="Again") == dump


def test_the_dump_knows_more_than_tables(postgres_database: PostgresURL, tree: SQLTree) -> None:
    tree.add(
        "0002.more",
        """
        CREATE TYPE colour AS ENUM ('red', 'dark blue');
        CREATE TABLE "Zoo" (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name VARCHAR(20) COLLATE "C" DEFAULT 'it''s' NOT NULL,
            hue colour NOT NULL DEFAULT 'red',
            size NUMERIC(5, 2) CHECK (size > 0),
            twice NUMERIC GENERATED ALWAYS AS (size * 2) STORED,
            parent BIGINT REFERENCES "Zoo" (id) ON DELETE SET NULL,
            keeper INTEGER
        ) WITH (fillfactor = 80);
        CREATE TABLE keepers (id INTEGER PRIMARY KEY, zoo BIGINT REFERENCES "Zoo" (id));
        ALTER TABLE "Zoo" ADD CONSTRAINT has_keeper FOREIGN KEY (keeper) REFERENCES keepers (id);
        CREATE UNIQUE INDEX zoo_name ON "Zoo" (lower(name)) INCLUDE (size) WHERE size > 1;
        CREATE VIEW big AS SELECT id, hue FROM "Zoo" WHERE size > 100;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.name := 'touched; really';
            RETURN NEW;
        END $$;
        CREATE TRIGGER touched BEFORE UPDATE ON "Zoo" FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TABLE visits (
            day DATE CHECK (day > '2000-01-01'),
            zoo BIGINT REFERENCES "Zoo" (id),
            name TEXT COLLATE "C",
            PRIMARY KEY (day, zoo)
        ) PARTITION BY RANGE (day);
        CREATE INDEX visits_zoo ON visits (zoo);
        CREATE TABLE late_visits PARTITION OF visits (CONSTRAINT named CHECK (name <> ''))
            FOR VALUES FROM ('2030-01-01') TO (MAXVALUE) PARTITION BY HASH (zoo);
        CREATE TABLE a_late_visit PARTITION OF late_visits
            FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (fillfactor = 70);
        CREATE TABLE other_visits PARTITION OF visits DEFAULT;
        CREATE TRIGGER visited BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION touch();
        """,
        engines=("postgres",),
    )
    tree.add("0002.more", "SELECT 1;", engines=("sqlite",))
    migrate(postgres_database, directory=tree.root)
    dump = dump_schema(postgres_database)
    assert "pwrbot." not in dump
    for part in (
        "hue colour DEFAULT 'red'::colour NOT NULL",
        "fillfactor=80",
        "CREATE VIEW big",
        " DEFAULT;",
        "CONSTRAINT named",
    ):
        assert part in dump
    run(postgres_database, "CREATE SCHEMA again", "SET search_path TO again", dump)
    assert dump_schema(postgres_database, schema="again") == dump
    run(postgres_database, "ALTER TABLE other_visits ALTER COLUMN name SET DEFAULT 'x'")
    with pytest.raises(MigrationError, match=r"of the whole other_visits\.name"):
        dump_schema(postgres_database)
    run(postgres_database, "ALTER TABLE other_visits ALTER COLUMN name DROP DEFAULT")
    run(postgres_database, "CREATE INDEX visits_name ON ONLY visits (name)")
    with pytest.raises(MigrationError, match="not valid visits_name"):
        dump_schema(postgres_database)
    run(postgres_database, "DROP INDEX visits_name")
    run(postgres_database, "ALTER INDEX other_visits_pkey RENAME TO others")
    with pytest.raises(MigrationError, match="not named after it others"):
        dump_schema(postgres_database)
    run(postgres_database, "ALTER INDEX others RENAME TO other_visits_pkey")
    run(postgres_database, "CREATE TABLE child () INHERITS (keepers)")
    with pytest.raises(MigrationError, match="table that inherits child"):
        dump_schema(postgres_database)
    run(postgres_database, "DROP TABLE child")
    run(postgres_database, "CREATE SEQUENCE unheard_of")
    with pytest.raises(MigrationError, match="relation unheard_of"):
        dump_schema(postgres_database)


def test_the_dumps_in_the_repository_are_fresh(postgres_database: PostgresURL) -> None:
    assert check_schema(sql_directory() / "schema", postgres_database) == {}, "run make schema"


def test_stale_dumps(postgres_database: PostgresURL, tmp_path: Path, tree: SQLTree) -> None:
    directory = tmp_path / "schema"
    files = [directory / "sqlite.sql", directory / "postgres.sql"]
    assert write_schema(directory, postgres_database, migrations=tree.root) == files
    assert write_schema(directory, postgres_database, migrations=tree.root) == []
    files[1].write_text("edited", encoding="utf-8")
    assert list(check_schema(directory, postgres_database, migrations=tree.root)) == files[1:]
    left = run(postgres_database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pwrbot%'")
    assert left == []

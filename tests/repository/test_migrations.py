"""Forth, back, and what is refused, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.clock import ManualClock
from pwrbot.repository.errors import DatabaseCorrupt, DatabaseReadOnly, DatabaseUnavailable
from pwrbot.repository.migrations import (
    DatabaseNewer,
    LockWaitOver,
    MigrationError,
    StepFailed,
    UnknownMigration,
    dump_schema,
    migrate,
    rollback,
    status,
)
from pwrbot.repository.migrations.runner import open_backend
from pwrbot.repository.url import PostgresURL, SQLiteURL
from tests.repository.by_hand import run
from tests.repository.sql_tree import SQLTree

NOON = datetime(2030, 5, 6, 12, 0, 0, tzinfo=UTC)


def test_applied_once(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    tree.add("0002.dogs", "CREATE TABLE dogs (id INTEGER PRIMARY KEY);", "DROP TABLE dogs;")
    clock = ManualClock(NOON)
    before = status(url, directory=tree.root)
    assert before.pending == ("0001.cats", "0002.dogs")
    assert before.version is None
    applied = migrate(url, directory=tree.root, clock=clock)
    assert applied == ["0001.cats", "0002.dogs"]
    assert migrate(url, directory=tree.root, clock=clock) == []
    after = status(url, directory=tree.root)
    assert after.ok
    assert after.version == "0002.dogs"
    assert [(one.state, one.applied_at) for one in after.migrations] == [("applied", NOON)] * 2
    assert rollback(url, directory=tree.root) == ["0002.dogs"]
    assert status(url, directory=tree.root).pending == ("0002.dogs",)
    assert rollback(url, directory=tree.root, steps=99) == ["0001.cats"]
    assert rollback(url, directory=tree.root) == []


def test_looking_changes_nothing(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    assert rollback(url, directory=tree.root) == []
    assert status(url, directory=tree.root).ok
    if isinstance(url, SQLiteURL):
        assert not url.path.exists()
    else:
        assert run(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'pwrbot'") == []


def test_forth_back_and_forth_gives_the_same_schema(url: SQLiteURL | PostgresURL) -> None:
    migrate(url)
    schema = dump_schema(url)
    rollback(url, steps=99)
    assert "CREATE" not in dump_schema(url)
    migrate(url)
    assert dump_schema(url) == schema


ROLLUPS = ("voice_segments", "voice_member_totals", "voice_channel_totals", "voice_hours")
ROWS = {
    "feeds": """INSERT INTO feeds (id, platform_id, source_id, items_id, name, description,
        source_url, tags, created_at) VALUES (1, 'p', 's', 'i', 'n', 'd', 'u', '[]', {now})""",
    "feed_items": """INSERT INTO feed_items (feed_id, item_id, title, url, published_at, found_at)
        VALUES (1, 'x', 't', NULL, {now}, {now})""",
    "subscribers": "INSERT INTO subscribers (id, kind, target_id) VALUES (1, 'dm', 7)",
    "feed_absences": "INSERT INTO feed_absences (subscriber_id, since) VALUES (1, {now})",
    "feed_subscriptions": """INSERT INTO feed_subscriptions (subscriber_id, feed_id, channel_id,
        created_at) VALUES (1, 1, NULL, {now})""",
    "feed_item_ids": "INSERT INTO feed_item_ids (feed_id, item_id) VALUES (1, 'x')",
    "feed_polls": """INSERT INTO feed_polls (feed_id, next_poll_at, interval_seconds)
        VALUES (1, {now}, 60)""",
    "feed_deliveries": """INSERT INTO feed_deliveries (subscriber_id, feed_id, item_id, found_at,
        state) VALUES (1, 1, 'x', {now}, 'pending')""",
    "feed_queues": """INSERT INTO feed_queues (subscriber_id, feed_id, due_at, wakes, attempts)
        VALUES (1, 1, {now}, 1, 0)""",
    "voice_sessions": """INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id,
        left_at) VALUES (1, 2, {now}, 3, {later})""",
    # The triggers of voice_sessions have filled these.
    **dict.fromkeys(ROLLUPS, "SELECT 1"),
    "open_voice_sessions": """INSERT INTO open_voice_sessions (guild_id, user_id, joined_at,
        channel_id) VALUES (1, 2, {now}, 3)""",
    "voice_rewards": """INSERT INTO voice_rewards VALUES
        (1, 2, 'today', NULL, 3, TRUE, FALSE, {now}, NULL)""",
    "voice_reward_holders": "INSERT INTO voice_reward_holders VALUES (1, 2, 3, TRUE, {now})",
    "voice_boards": """INSERT INTO voice_boards VALUES
        (1, 2, 'day', 9, 0, 'today', 10, {now}, NULL, NULL, NULL)""",
    "voice_removals": """INSERT INTO voice_removals VALUES
        (1, 2, 3, {now}, 'removed', NULL, NULL, NULL, {now}, 1, '0')""",
    "voice_removed_sessions": """INSERT INTO voice_removed_sessions VALUES
        (1, 2, 3, {now}, 4, {later})""",
    "voice_departures": "INSERT INTO voice_departures VALUES (1, 2, 'n', {now})",
    "server_settings": """INSERT INTO server_settings (guild_id, settings, version, updated_at)
        VALUES (1, '{{}}', 1, {now})""",
    "member_preferences": """INSERT INTO member_preferences (user_id, plain_text, updated_at)
        VALUES (7, TRUE, {now})""",
    "bot_meta": "INSERT INTO bot_meta (key, value) VALUES ('k', 'v')",
}


def tables_of(url: SQLiteURL | PostgresURL) -> dict[str, list[Any]]:
    """The rows of each table of the schema."""
    dump = dump_schema(url)
    names = [name for name in ROWS if f"CREATE TABLE {name} " in dump]
    return {name: run(url, f"SELECT * FROM {name} ORDER BY 1, 2") for name in names}


def lasting(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Without the channels' years and all time, which 0010 takes away and its rollback adds up."""
    return {
        name: [row for row in rows if name != "voice_channel_totals" or row[1] > 9999]
        for name, rows in tables.items()
    }


def without_lost_columns(before: list[Any], after: list[Any]) -> list[Any]:
    """The rows as they were, with as many columns as they have now: a step adds them at the end."""
    return [row[: len(after[0])] if after else row for row in before]


def fill(url: SQLiteURL | PostgresURL) -> None:
    now, later = "'2030-01-01 00:00:00+00'", "'2030-02-02 00:00:01+00'"
    if isinstance(url, SQLiteURL):
        now, later = "1900000000000000", "1902764801000000"
    for name, rows in tables_of(url).items():
        if not rows:
            run(url, ROWS[name].format(now=now, later=later))
    assert all(tables_of(url).values())


def test_every_step_back_and_forth_over_rows(url: SQLiteURL | PostgresURL) -> None:
    migrate(url)
    fill(url)
    latest, steps = dump_schema(url), len(status(url).migrations)
    for step in range(1, steps + 1):
        before = lasting(tables_of(url))
        taken = rollback(url, steps=step)
        assert len(taken) == step
        kept = lasting(tables_of(url))
        assert kept == {
            name: without_lost_columns(before[name], rows) for name, rows in kept.items()
        }, f"{taken} lost rows of what remains"
        migrate(url)
        assert dump_schema(url) == latest
        after = lasting(tables_of(url))
        assert kept == {
            name: without_lost_columns(after[name], rows) for name, rows in kept.items()
        }
        fill(url)
    assert set(re.findall(r"\bCREATE TABLE (\w+) \(", latest)) == set(ROWS), (
        "a new table needs a row in this test"
    )


def test_channels_by_year_come_back_and_go(url: SQLiteURL | PostgresURL) -> None:
    def totals() -> list[tuple[int, Any]]:
        rows: list[Any] = run(url, "SELECT period, total FROM voice_channel_totals ORDER BY 1, 2")
        return [(period, total) for period, total in rows]

    def again() -> list[tuple[int, Any]]:
        """As the triggers of now make them."""
        run(url, "DELETE FROM voice_sessions")
        assert totals() == []
        fill(url)
        return totals()

    migrate(url)
    fill(url)
    latest, number = totals(), len(status(url).migrations)
    rollback(url, steps=number - 9)
    before = totals()
    assert {period for period, _ in before} == {period for period, _ in latest} | {0, 2030}
    assert again() == before
    migrate(url)
    assert again() == totals() == latest


def test_totals_of_members_go_with_their_sessions(url: SQLiteURL | PostgresURL) -> None:
    """In parts, in one table as before 0011, and in parts again."""
    count = "SELECT count(*) FROM voice_member_totals"
    migrate(url)
    number = len(status(url).migrations)
    for step in (lambda: None, lambda: rollback(url, steps=number - 10), lambda: migrate(url)):
        fill(url)
        kept = run(url, count)
        step()
        assert run(url, count) == kept == [(37,)]  # 33 days, two months, a year, all time
        run(url, "DELETE FROM voice_sessions")
        assert run(url, count) == [(0,)]


def test_text_is_ordered_alike_on_both_engines(postgres_database: PostgresURL) -> None:
    migrate(postgres_database)
    by_language = run(
        postgres_database,
        """
        SELECT a.attrelid::regclass::text, a.attname
        FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        JOIN pg_namespace AS n ON n.nspname = 'pwrbot'
        JOIN pg_class AS c ON c.oid = i.indrelid AND c.relnamespace = n.oid
        WHERE a.attcollation <> 0 AND a.attcollation <> 'pg_catalog."C"'::regcollation
            AND c.relname NOT LIKE '\\_%'
        """,
    )
    assert by_language == [], 'give these columns COLLATE "C": SQLite compares byte by byte'


def test_nothing_but_its_schema_is_touched(postgres_database: PostgresURL, tree: SQLTree) -> None:
    run(postgres_database, "CREATE TABLE public.cats (other TEXT)")
    for schema in ('odd "name"', "pwrbot"):
        quoted = schema.replace('"', '""')
        migrate(postgres_database, schema=schema, directory=tree.root)
        tables = run(
            postgres_database,
            "SELECT table_name FROM information_schema.tables "
            f"WHERE table_schema = '{schema}' ORDER BY 1",
            schema=quoted,
        )
        assert [name for (name,) in tables] == [
            "_pwrbot_migration",
            "_yoyo_log",
            "_yoyo_migration",
            "_yoyo_version",
            "cats",
        ]
        rollback(postgres_database, schema=schema, directory=tree.root)
    assert run(postgres_database, "SELECT other FROM public.cats") == []
    public = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert run(postgres_database, public) == [(1,)]


def test_a_failing_statement_leaves_nothing(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    tree.add("0002.fine", "CREATE TABLE fine (id INTEGER);", "DROP TABLE fine;")
    good = "-- Two tables\n\nCREATE TABLE a (id INTEGER);\n\n-- and\nCREATE TABLE b (id INTEGER);\n"
    tree.add("0003.bad", f"{good}INSERT INTO missing VALUES (1);\n", "DROP TABLE a;")
    with pytest.raises(StepFailed) as failure:
        migrate(url, directory=tree.root)
    message = str(failure.value)
    assert "0003.bad.sql:7: " in message
    assert "missing" in message
    assert "Nothing of this step was done" in message
    assert failure.value.exit_code == 3
    assert status(url, directory=tree.root).version == "0002.fine"
    assert "TABLE a" not in dump_schema(url)
    tree.add("0003.bad", good, "DROP TABLE a; DROP TABLE b;")
    assert migrate(url, directory=tree.root) == ["0003.bad"]
    tree.add("0003.bad", good, "DROP TABLE a;\nDROP TABLE missing;")
    with pytest.raises(StepFailed, match=r"0003\.bad\.rollback\.sql:2: "):
        rollback(url, directory=tree.root)
    assert "TABLE a" in dump_schema(url)
    assert status(url, directory=tree.root).version == "0003.bad"


def test_statements_are_split_as_they_are_meant(
    url: SQLiteURL | PostgresURL, tree: SQLTree
) -> None:
    tree.add(
        "0002.odd",
        "INSERT INTO cats VALUES (1); -- a % sign; a :name\n"
        "CREATE TABLE notes (id INTEGER, note TEXT);\n"
        "INSERT INTO notes VALUES (1, '50% of :all; ''really''');\n"
        "SELECT note FROM notes;\n",
        "DROP TABLE notes; DELETE FROM cats;",
    )
    tree.add(
        "0003.trigger",
        "CREATE TRIGGER t AFTER INSERT ON cats BEGIN\n"
        "INSERT INTO notes VALUES (new.id, CASE WHEN new.id > 1 THEN 'x' END); SELECT 1;\nEND;",
        "DROP TRIGGER t;",
        engines=("sqlite",),
    )
    tree.add(
        "0003.trigger",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        "INSERT INTO notes VALUES (new.id, 'x'); RETURN new; END $$;\n"
        "CREATE TRIGGER t AFTER INSERT ON cats FOR EACH ROW EXECUTE FUNCTION f();",
        "DROP TRIGGER t ON cats; DROP FUNCTION f();",
        engines=("postgres",),
    )
    migrate(url, directory=tree.root)
    run(url, "INSERT INTO cats VALUES (2)")
    notes = run(url, "SELECT id, note FROM notes ORDER BY id")
    assert notes == [(1, "50% of :all; 'really'"), (2, "x")]
    assert rollback(url, directory=tree.root, steps=2) == ["0003.trigger", "0002.odd"]


def test_nothing_is_printed(
    url: SQLiteURL | PostgresURL, tree: SQLTree, capfd: pytest.CaptureFixture[str]
) -> None:
    tree.add("0002.rows", "SELECT 'printed';", "SELECT 'printed';")
    with capture_logs():
        migrate(url, directory=tree.root)
        rollback(url, directory=tree.root)
    assert capfd.readouterr() == ("", "")


def test_a_user_without_a_name(
    url: SQLiteURL | PostgresURL, tree: SQLTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert migrate(url, directory=tree.root) == ["0001.cats"]


def test_edited_afterwards(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    migrate(url, directory=tree.root)
    tree.add("0001.cats", "/* now */ CREATE TABLE\n cats ( -- explained\n id INTEGER PRIMARY KEY);")
    assert status(url, directory=tree.root).ok, "comments and white space are no edit"
    tree.add("0001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY, name TEXT);")
    with capture_logs() as logs:
        assert migrate(url, directory=tree.root) == []
    assert [(entry["log_level"], entry["migration"]) for entry in logs] == [("error", "0001.cats")]
    edited = status(url, directory=tree.root)
    assert not edited.ok
    assert [one.state for one in edited.migrations] == ["edited"]


def test_marked_by_yoyo_alone(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    migrate(url, directory=tree.root)
    run(url, "DROP TABLE _pwrbot_migration")
    assert status(url, directory=tree.root).ok
    tree.add("0002.more", "SELECT 1;")
    assert migrate(url, directory=tree.root) == ["0002.more"]


def test_a_newer_database_is_refused(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    tree.add("0002.later", "CREATE TABLE later (id INTEGER);", "DROP TABLE later;")
    migrate(url, directory=tree.root)
    tree.remove("0002.later")
    for attempt in (migrate, rollback):
        with pytest.raises(DatabaseNewer, match=r"0002\.later") as refusal:
            attempt(url, directory=tree.root)
        assert refusal.value.exit_code == 3
    newer = status(url, directory=tree.root)
    assert not newer.ok
    assert [one.state for one in newer.migrations] == ["applied", "unknown"]


def test_no_further_than_asked(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    for name in ("0002.dogs", "0003.birds", "0004.fish"):
        tree.add(name, f"CREATE TABLE {name[5:]} (id INTEGER);", f"DROP TABLE {name[5:]};")

    def to(target: str | None) -> list[str]:
        return migrate(url, to=target, directory=tree.root)

    with pytest.raises(UnknownMigration, match="no migration 0005") as unknown:
        to("0005")
    assert unknown.value.exit_code == 2
    assert status(url, directory=tree.root).version is None
    assert to("0002") == ["0001.cats", "0002.dogs"]
    assert to("0002.dogs") == []
    assert status(url, directory=tree.root).pending == ("0003.birds", "0004.fish")
    assert to("0003.birds") == ["0003.birds"]
    with pytest.raises(MigrationError, match=r"past 0001\.cats.* rollback --steps 2") as behind:
        to("0001")
    assert behind.value.exit_code == 3
    for target in ("3", "birds", "0003.bird", ""):
        with pytest.raises(UnknownMigration):
            to(target)
    assert to(None) == ["0004.fish"]
    assert to("0004") == []


def test_one_that_was_left_out_is_made_up_for(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    tree.add("0003.birds", "CREATE TABLE birds (id INTEGER);", "DROP TABLE birds;")
    migrate(url, directory=tree.root)
    tree.add("0002.dogs", "CREATE TABLE dogs (id INTEGER);", "DROP TABLE dogs;")
    assert migrate(url, to="0002", directory=tree.root) == ["0002.dogs"]


def test_steps_below_one(sqlite_url: SQLiteURL) -> None:
    with pytest.raises(MigrationError, match="STEPS=1"):
        rollback(sqlite_url, steps=0)


def test_the_wait_for_another_process_ends(url: SQLiteURL | PostgresURL, tree: SQLTree) -> None:
    with open_backend(url, "pwrbot") as other, other.exclusive(0), capture_logs() as logs:
        with pytest.raises(LockWaitOver) as refusal:
            migrate(url, directory=tree.root, wait_seconds=0.05)
        assert refusal.value.exit_code == 3
    assert [entry["event"] for entry in logs] == ["waiting_for_migrations"]
    assert migrate(url, directory=tree.root, wait_seconds=0.05) == ["0001.cats"]


@pytest.mark.usefixtures("behind_pooler")
def test_behind_a_pooler_each_transaction_is_locked(
    postgres_database: PostgresURL, tree: SQLTree
) -> None:
    assert migrate(postgres_database, directory=tree.root) == ["0001.cats"]
    tree.add("0002.more", "SELECT 1;")
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with open_backend(postgres_database, "pwrbot") as other, other.exclusive(1):
        assert run(postgres_database, locks) == [(0,)]
        with other.writing():
            assert run(postgres_database, locks) == [(1,)]
            with pytest.raises(LockWaitOver):
                migrate(postgres_database, directory=tree.root, wait_seconds=0.05)
        assert migrate(postgres_database, directory=tree.root) == ["0002.more"]
    assert run(postgres_database, locks) == [(0,)]


# ---- SQLite's own


def test_a_full_disk(sqlite_url: SQLiteURL, tree: SQLTree) -> None:
    tree.add(
        "0002.large",
        "CREATE TABLE large (x TEXT);\n"
        "PRAGMA max_page_count = 20;\n"  # SQLite's own way of saying that the disk is full
        "INSERT INTO large VALUES (hex(randomblob(1000000)));",
        engines=("sqlite",),
    )
    tree.add("0002.large", "SELECT 1;", engines=("postgres",))
    with pytest.raises(StepFailed, match=r"0002\.large\.sql:3: There is no room left on the disk"):
        migrate(sqlite_url, directory=tree.root)
    assert status(sqlite_url, directory=tree.root).version == "0001.cats"
    assert "large" not in dump_schema(sqlite_url)


REBUILD = """
CREATE TABLE new_cats (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO new_cats (id, name) SELECT id, 'nameless' FROM cats {condition};
DROP TABLE cats;
ALTER TABLE new_cats RENAME TO cats;
"""


@pytest.fixture
def kittens(sqlite_url: SQLiteURL, tree: SQLTree) -> SQLTree:
    tree.add(
        "0002.kittens",
        "CREATE TABLE kittens (cat INTEGER NOT NULL REFERENCES cats (id) ON DELETE CASCADE);",
        "DROP TABLE kittens;",
    )
    migrate(sqlite_url, directory=tree.root)
    run(sqlite_url, "INSERT INTO cats VALUES (1), (2)", "INSERT INTO kittens VALUES (1), (2)")
    return tree


def test_rebuilding_a_table_keeps_its_children(sqlite_url: SQLiteURL, kittens: SQLTree) -> None:
    kittens.add("0003.rebuild", REBUILD.format(condition=""))
    migrate(sqlite_url, directory=kittens.root)
    assert run(sqlite_url, "SELECT * FROM kittens") == [(1,), (2,)]
    assert run(sqlite_url, "SELECT * FROM cats") == [(1, "nameless"), (2, "nameless")]
    run(sqlite_url, "PRAGMA foreign_keys = ON", "DELETE FROM cats WHERE id = 1")
    assert run(sqlite_url, "SELECT * FROM kittens") == [(2,)]


def test_no_row_is_left_dangling(sqlite_url: SQLiteURL, kittens: SQLTree) -> None:
    kittens.add("0003.rebuild", REBUILD.format(condition="WHERE id = 1"))
    with pytest.raises(StepFailed, match="the first of them in kittens, which refers to cats"):
        migrate(sqlite_url, directory=kittens.root)
    assert run(sqlite_url, "SELECT * FROM cats") == [(1,), (2,)]


def test_a_file_that_is_no_database(sqlite_url: SQLiteURL) -> None:
    sqlite_url.path.write_text("not a database, but long enough to be looked at\n" * 100)
    for attempt in (migrate, rollback, status, dump_schema):
        with pytest.raises(DatabaseCorrupt, match="pwrbot restore FILE"):
            attempt(sqlite_url)


def test_a_damaged_database(sqlite_url: SQLiteURL, tree: SQLTree) -> None:
    migrate(sqlite_url, directory=tree.root)
    size = sqlite_url.path.stat().st_size
    with sqlite_url.path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    with pytest.raises(DatabaseCorrupt, match="pwrbot restore FILE"):
        migrate(sqlite_url)


@pytest.mark.parametrize("place", ["file/pwrbot.db", "file/deeper/pwrbot.db"])
def test_a_directory_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseReadOnly, match="cannot be made"):
        migrate(SQLiteURL(tmp_path / place))


def test_a_directory_that_cannot_be_written() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        migrate(SQLiteURL(Path("/proc/pwrbot.db")))


# ---- PostgreSQL's own


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "hunter2"}, "refused the user or the password"),
        ({"database": "nowhere"}, "no such database"),
        ({"hosts": (("127.0.0.1", 1),)}, "cannot be reached"),
        ({"hosts": (("/nowhere", 5432),)}, "cannot be reached"),
        ({"sslmode": "require"}, "offers no TLS"),
    ],
)
def test_no_connection(postgres_database: PostgresURL, change: dict[str, Any], reason: str) -> None:
    import msgspec

    url = msgspec.structs.replace(postgres_database, **change)
    for attempt in (migrate, rollback, status, dump_schema):
        with pytest.raises(DatabaseUnavailable, match=reason) as failure:
            attempt(url)
        assert url.password is not None
        assert url.password not in str(failure.value)
        assert failure.value.__cause__ is None


def test_a_value_that_does_not_fit_is_not_told(
    postgres_database: PostgresURL, tree: SQLTree
) -> None:
    migrate(postgres_database, directory=tree.root)
    tree.add("0002.emails", "SELECT 'ada@secret'::bigint;", engines=("postgres",))
    tree.add("0002.emails", "SELECT 1;", engines=("sqlite",))
    with pytest.raises(StepFailed, match=r"invalid text representation \(22P02\)") as failure:
        migrate(postgres_database, directory=tree.root)
    assert "secret" not in str(failure.value)


def test_a_role_that_may_not(postgres_database: PostgresURL, tree: SQLTree) -> None:
    import msgspec

    run(
        postgres_database,
        "DROP ROLE IF EXISTS pwrbot_guest",
        "CREATE ROLE pwrbot_guest LOGIN PASSWORD 'guest'",
    )
    try:
        guest = msgspec.structs.replace(postgres_database, user="pwrbot_guest", password="guest")
        with pytest.raises(DatabaseReadOnly, match="must own schema pwrbot"):
            migrate(guest, directory=tree.root)
        migrate(postgres_database, directory=tree.root)
        run(
            postgres_database,
            "GRANT USAGE ON SCHEMA pwrbot TO pwrbot_guest",
            "GRANT SELECT ON ALL TABLES IN SCHEMA pwrbot TO pwrbot_guest",
        )
        assert migrate(guest, directory=tree.root) == [], "nothing pending: nothing is written"
        assert status(guest, directory=tree.root).ok
    finally:
        run(postgres_database, "DROP OWNED BY pwrbot_guest", "DROP ROLE pwrbot_guest")

"""sql/prepared: right, stale, damaged, foreign, and what does not make it stale."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pwrbot.repository.check.findings import as_text
from pwrbot.repository.check.project import check_project, prepare_project
from pwrbot.repository.repository import Tables
from pwrbot.repository.url import PostgresURL, parse_url
from tests.repository.check.project import copied_sql, edit, told_offline

FEEDS = "sql/prepared/feeds.json"
RUN = "run `make prepare` and look at what it changes"


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    return copied_sql(tmp_path)


@pytest.fixture
def postgres(postgres_url: str) -> PostgresURL:
    url = parse_url(postgres_url)
    assert isinstance(url, PostgresURL)
    return url


def test_the_project_is_in_order_with_and_without_a_server(
    sql: Path, postgres: PostgresURL
) -> None:
    with_server = check_project(sql, Tables, postgres)
    assert with_server.findings == ()
    assert with_server.note == "on SQLite and PostgreSQL"
    without = check_project(sql, Tables, None, why_not="none is set")
    assert without.findings == ()
    assert without.note == (
        "on SQLite; PostgreSQL was not asked (none is set): relied on sql/prepared and"
        " sql/schema/postgres.sql for it"
    )


def test_a_server_that_does_not_answer_is_done_without(sql: Path) -> None:
    nobody = parse_url("postgresql://nobody@127.0.0.1:1/nothing")
    assert isinstance(nobody, PostgresURL)
    report = check_project(sql, Tables, nobody)
    assert report.findings == ()
    assert "PostgreSQL was not asked (no PostgreSQL answers: ConnectionRefusedError)" in report.note


def test_comments_and_white_space_change_nothing(sql: Path) -> None:
    path = sql / "queries" / "feeds.sql"
    edit(
        path, "-- The feed with this id on its platform.", "-- Another sentence.\n-- And one more."
    )
    edit(path, "WHERE platform_id", "/* here */\n\n   WHERE   platform_id")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert told_offline(sql) == []


def test_an_edit_of_a_text_is_told_without_a_server(sql: Path) -> None:
    edit(sql / "queries" / "feeds.sql", "platform_id = :platform_id", "platform_id > :platform_id")
    told = told_offline(sql)
    assert told[0].startswith("sql/queries/feeds.sql:1 feeds.by_source [sqlite]: its plan is")
    assert told[1] == (
        "sql/queries/feeds.sql:1 feeds.by_source [postgres]: its text was changed or added and has"
        " not been checked on this engine: run `make prepare`, which brings one"
    )
    assert len(told) == 2


def test_an_edit_of_the_text_for_postgresql_alone_is_told(sql: Path) -> None:
    edit(sql / "queries" / "table.postgres.sql", "ORDER BY {key};", "ORDER BY {key} DESC;")
    told = told_offline(sql)
    assert len(told) == 24
    assert all("[postgres]: its text was changed" in line for line in told)


def test_an_edit_of_a_migration_for_postgresql_is_told(sql: Path) -> None:
    edit(sql / "migrations/postgres/0004.bot_meta.sql", "value TEXT NOT NULL", "value TEXT")
    assert told_offline(sql) == [
        "sql/migrations/postgres/0004.bot_meta.sql:1 [postgres]: is not what the statements were"
        f" checked with: {RUN}"
    ]


def test_an_edit_of_a_dump_is_told(sql: Path) -> None:
    edit(sql / "schema/sqlite.sql", "    version INTEGER NOT NULL", "    version INTEGER")
    told = told_offline(sql)
    assert [line.partition(": ")[0] for line in told] == ["sql/schema/sqlite.sql:136 [sqlite]"]


def _cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut_in_half, "cannot be read"),
        (lambda path: path.write_text(""), "cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "cannot be read"),
        (lambda path: path.write_text('{"name": "somebody else\'s"}'), "cannot be read"),
        (lambda path: path.write_text("[1, 2]"), "cannot be read"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["half", "empty", "binary", "foreign", "list", "missing"],
)
def test_a_file_that_is_no_record_is_told_once(
    damage: Callable[[Path], object], told: str, sql: Path, postgres: PostgresURL
) -> None:
    damage(sql / "prepared" / "feeds.json")
    report = check_project(sql, Tables, postgres)
    lines = as_text(report.findings, sql.parent)
    assert len(lines) == 1
    assert lines[0].startswith(f"{FEEDS}:1: {told}")
    assert lines[0].endswith(RUN)
    assert any(line.startswith(f"{FEEDS}:1: {told}") for line in told_offline(sql))


def test_what_is_recorded_of_nothing_is_told(sql: Path) -> None:
    prepared = sql / "prepared"
    (prepared / "ghosts.json").write_bytes((prepared / "bot_meta.json").read_bytes())
    (prepared / "notes.txt").write_text("mine")
    text = (prepared / "feeds.json").read_text()
    (prepared / "feeds.json").write_text(text.replace('"feeds.by_source"', '"feeds.by_sauce"'))
    assert [line.partition(": ")[2].partition(":")[0] for line in told_offline(sql)] == [
        "there is no such statement any more",
        "belongs to no table",
        "does not belong here",
        "its text was changed or added and has not been checked on this engine",
        "nobody has checked it yet",
    ]


def test_a_column_recorded_otherwise_is_told(sql: Path, postgres: PostgresURL) -> None:
    path = sql / "prepared" / "bot_meta.json"
    path.write_text(path.read_text().replace("value text NOT NULL", "value text"))
    told = as_text(check_project(sql, Tables, postgres).findings, sql.parent)
    assert len(told) == 5
    assert "sql/queries/table.sql:17 bot_meta.select [postgres]: its columns are" in told[2]


def test_prepare_mends_all_of_it(sql: Path, postgres: PostgresURL) -> None:
    prepared = sql / "prepared"
    before = {path.name: path.read_bytes() for path in prepared.iterdir()}
    _cut_in_half(prepared / "feeds.json")
    _cut_in_half(prepared / "_migrations.json")
    (prepared / "bot_meta.json").unlink()
    (prepared / "ghosts.json").write_text("{}")
    _, changed = prepare_project(sql, Tables, postgres)
    assert {path.name for path in changed} == {
        "_migrations.json",
        "bot_meta.json",
        "feeds.json",
        "ghosts.json",
    }
    assert {path.name: path.read_bytes() for path in prepared.iterdir()} == before
    assert prepare_project(sql, Tables, postgres)[1] == []


def test_nothing_is_recorded_where_a_rule_is_broken(sql: Path, postgres: PostgresURL) -> None:
    edit(sql / "queries" / "feeds.sql", "platform_id = :platform_id", "platfrom_id = :platform_id")
    report, changed = prepare_project(sql, Tables, postgres)
    assert len(report.findings) == 2
    assert changed == []

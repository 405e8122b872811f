"""``pwrbot sql check`` and ``pwrbot sql prepare`` as they are called."""

from pathlib import Path

import pytest

from pwrbot.cli import main
from pwrbot.repository.check.findings import Finding, as_github, as_text
from tests.repository.check.project import copied_sql, edit

UNREACHABLE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = copied_sql(tmp_path)
    monkeypatch.setenv("PWRBOT_SQL_DIR", str(directory))
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    return directory


def test_all_is_well_on_both_engines(
    sql: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres_url)
    assert main(["sql", "check"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(": all well.\n")
    assert "on SQLite and PostgreSQL" in err


@pytest.mark.parametrize("url", [None, UNREACHABLE, "sqlite:///somewhere.db"])
def test_without_a_server_it_says_what_it_relied_on(
    url: str | None,
    sql: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if url is not None:
        monkeypatch.setenv("TEST_DATABASE_URL", url)
    assert main(["sql", "check"]) == 0
    assert "relied on sql/prepared and sql/schema/postgres.sql" in capsys.readouterr().err
    edit(sql / "queries" / "table.postgres.sql", "ORDER BY {key};", "ORDER BY {key} DESC;")
    assert main(["sql", "check"]) == 1
    assert "feeds.select_many [postgres]: its text was changed" in capsys.readouterr().out


def test_offline_asks_nobody(
    sql: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres_url)
    assert main(["sql", "check", "--offline"]) == 0
    assert "PostgreSQL was not asked (--offline)" in capsys.readouterr().err


def test_findings_come_one_a_line_or_as_annotations(
    sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(
        sql / "queries" / "feed_subscriptions.sql",
        "INNER JOIN feeds AS f ON s.feed_id = f.id\nLEFT JOIN feed_items",
        "LEFT JOIN feeds AS f ON s.feed_id = f.id\nLEFT JOIN feed_items",
    )
    assert main(["sql", "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert (
        "sql/queries/feed_subscriptions.sql:21 feed_subscriptions.page_with_latest"
        " [sqlite, postgres]: column name can be NULL, SubscribedFeed.name says str"
    ) in lines
    assert main(["sql", "check", "--format", "github"]) == 1
    annotations = capsys.readouterr().out.splitlines()
    assert len(annotations) == len(lines)
    assert (
        "::error file=sql/queries/feed_subscriptions.sql,line=21,"
        "title=feed_subscriptions.page_with_latest [sqlite%2C postgres]::"
        "column name can be NULL, SubscribedFeed.name says str"
    ) in annotations


def test_what_an_annotation_says_cannot_end_it() -> None:
    finding = Finding(Path("/x/a,b:c.sql"), 3, "", None, "100% of\nit: a::b")
    assert as_github([finding], Path("/x")) == [
        "::error file=a%2Cb%3Ac.sql,line=3,title=SQL::100%25 of it: a::b"
    ]


def test_what_both_engines_say_is_told_once() -> None:
    path = Path("/x/feeds.sql")
    findings = [
        Finding(path, 9, "feeds.page", "postgres", "wrong"),
        Finding(path, 9, "feeds.page", "sqlite", "wrong"),
        Finding(path, 2, "feeds.page", "sqlite", "other"),
        Finding(path, 1, "", None, "the file"),
    ]
    assert as_text(findings, Path("/x")) == [
        "feeds.sql:1: the file",
        "feeds.sql:2 feeds.page [sqlite]: other",
        "feeds.sql:9 feeds.page [sqlite, postgres]: wrong",
    ]


def test_prepare_needs_a_server(sql: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "prepare"]) == 2
    assert "use `make prepare`, which brings its own" in capsys.readouterr().err


def test_prepare_writes_what_the_check_then_agrees_with(
    sql: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres_url)
    edit(sql / "queries" / "table.postgres.sql", "ORDER BY {key};", "ORDER BY {key} DESC;")
    assert main(["sql", "prepare"]) == 0
    assert str(sql / "prepared" / "feeds.json") in capsys.readouterr().out
    assert main(["sql", "check"]) == 0
    monkeypatch.delenv("TEST_DATABASE_URL")
    assert main(["sql", "check"]) == 0


def test_a_migration_that_does_not_apply_is_a_finding(
    sql: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(sql / "migrations/sqlite/0004.bot_meta.sql", "value TEXT NOT NULL", "value TEKST NOT NULL")
    assert main(["sql", "check"]) == 1
    assert "sql/migrations/sqlite/0004.bot_meta.sql:3 [sqlite]: unknown datatype" in (
        capsys.readouterr().out
    )

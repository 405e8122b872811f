"""The last release's statements against the schema of now, on both engines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pwrbot import __version__
from pwrbot.cli import main
from pwrbot.repository.check.scratch import (
    PostgresScratch,
    SQLiteScratch,
    postgres_scratch,
    sqlite_scratch,
)
from pwrbot.repository.released import (
    ReleasedError,
    broken_by,
    read_released,
    write_released,
)
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, parse_url
from tests.repository.sql_tree import ENGINES, SQLTree


@pytest.fixture
def server(postgres_url: str) -> PostgresURL:
    url = parse_url(postgres_url)
    assert isinstance(url, PostgresURL)
    return url


@pytest.fixture
def house(tmp_path: Path) -> SQLTree:
    """A copy of the house's SQL, to be changed."""
    tree = SQLTree(tmp_path / "sql")
    for part in ("migrations", "queries", "released"):
        shutil.copytree(sql_directory() / part, tree.root / part, dirs_exist_ok=True)
    return tree


@contextmanager
def scratches(sql: Path, server: PostgresURL) -> Iterator[list[SQLiteScratch | PostgresScratch]]:
    with sqlite_scratch(sql) as sqlite, postgres_scratch(server, sql) as postgres:
        yield [sqlite, postgres]


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def broken(sql: Path, server: PostgresURL) -> list[str]:
    released = read_released(sql)
    assert released is not None
    with scratches(sql, server) as both:
        return [str(one) for scratch in both for one in broken_by(released, scratch)]


def test_the_last_release_runs_beside_this_version(server: PostgresURL) -> None:
    released = read_released(sql_directory())
    assert released is not None, "make release-sql"
    assert number(released.version) <= number(__version__)
    assert all(set(texts) == set(ENGINES) for texts in released.statements.values())
    assert broken(sql_directory(), server) == []


def test_a_column_that_the_old_version_reads_is_dropped(
    house: SQLTree, server: PostgresURL
) -> None:
    house.add("9001.no_covers", "ALTER TABLE feeds DROP COLUMN cover_url;")
    told = broken(house.root, server)
    for engine in ENGINES:
        found = [line for line in told if line.startswith(f"feeds.select of 0.1.0 [{engine}]: ")]
        assert len(found) == 1
        assert "cover_url" in found[0]
        assert "split the migration" in found[0]
    assert not [line for line in told if line.startswith("voice_sessions")]


def test_a_new_column_that_the_old_version_does_not_fill(
    house: SQLTree, server: PostgresURL
) -> None:
    house.add(
        "9001.feeds_language",
        "DROP TABLE feed_items;"
        "CREATE TABLE feed_items (feed_id INTEGER NOT NULL, item_id TEXT NOT NULL,"
        " title TEXT NOT NULL, url TEXT, published_at INTEGER NOT NULL, found_at INTEGER NOT NULL,"
        " summary TEXT NOT NULL DEFAULT '', image_url TEXT, author TEXT,"
        " language TEXT NOT NULL, PRIMARY KEY (feed_id, item_id));",
        engines=("sqlite",),
    )
    house.add(
        "9001.feeds_language",
        "ALTER TABLE feed_items ADD COLUMN language TEXT NOT NULL;",
        engines=("postgres",),
    )
    told = broken(house.root, server)
    for engine in ENGINES:
        (line,) = [one for one in told if one.startswith(f"feed_items.insert of 0.1.0 [{engine}]")]
        assert "it gives no value to feed_items.language" in line


def test_a_new_column_with_a_default_breaks_nobody(house: SQLTree, server: PostgresURL) -> None:
    house.add(
        "9001.feeds_language",
        "ALTER TABLE feed_items ADD COLUMN language TEXT NOT NULL DEFAULT 'en';",
    )
    assert broken(house.root, server) == []


def test_a_column_of_another_type(house: SQLTree, server: PostgresURL) -> None:
    house.add("9001.small", "SELECT 1;", engines=("sqlite",))
    house.add(
        "9001.small",
        "ALTER TABLE bot_meta ALTER COLUMN value TYPE JSONB USING to_jsonb(value);",
        engines=("postgres",),
    )
    told = broken(house.root, server)
    assert any("its column value text is value jsonb now" in line for line in told)


def test_a_conflict_target_that_is_gone(house: SQLTree, server: PostgresURL) -> None:
    """Found only when a plan is made."""
    house.add("9001.any", "SELECT 1;", engines=("sqlite",))
    house.add(
        "9001.any",
        "ALTER TABLE subscribers DROP CONSTRAINT subscribers_kind_target_id_key;",
        engines=("postgres",),
    )
    assert any(line.startswith("subscribers.ensure of") for line in broken(house.root, server))


def test_a_release_takes_the_place_of_the_one_before(house: SQLTree, server: PostgresURL) -> None:
    (house.root / "queries" / "bot_meta.sql").unlink(missing_ok=True)
    with scratches(house.root, server) as both:
        path = write_released(house.root, "0.10.0", both)
        assert path.name == "0.10.0.json"
        assert [one.name for one in path.parent.iterdir()] == ["0.10.0.json"]
        first = path.read_bytes()
        write_released(house.root, "0.10.0", both)
        assert path.read_bytes() == first
        with pytest.raises(ReleasedError, match="raise the version"):
            write_released(house.root, "0.9.0", both)
    released = read_released(house.root)
    assert released is not None
    assert released.version == "0.10.0"


def test_no_release_that_breaks_the_one_before(house: SQLTree, server: PostgresURL) -> None:
    path = house.root / "released" / "0.1.0.json"
    path.write_text(path.read_text().replace("feed_items", "feed_things"))
    with (
        scratches(house.root, server) as both,
        pytest.raises(ReleasedError, match="These statements would break"),
    ):
        write_released(house.root, "0.2.0", both)
    assert path.exists()


@pytest.mark.parametrize("text", ["", "{", '{"version": "0.1.0"}', "[]", '{"version": "9"}'])
def test_a_damaged_file(house: SQLTree, text: str) -> None:
    (house.root / "released" / "0.1.0.json").write_text(text)
    with pytest.raises(ReleasedError, match="cannot be read"):
        read_released(house.root)


def test_a_renamed_file(house: SQLTree) -> None:
    path = house.root / "released" / "0.1.0.json"
    path.rename(path.with_name("0.2.0.json"))
    with pytest.raises(ReleasedError, match=r"is of 0\.1\.0"):
        read_released(house.root)


def test_before_the_first_release_there_is_none(tmp_path: Path) -> None:
    assert read_released(tmp_path) is None


def test_the_command(
    house: SQLTree,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PWRBOT_SQL_DIR", str(house.root))
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    assert main(["sql", "release"]) == 2
    assert "make release-sql" in capsys.readouterr().err
    monkeypatch.setenv("TEST_DATABASE_URL", postgres_url)
    assert main(["sql", "release"]) == 0
    assert capsys.readouterr().out == f"{house.root}/released/{__version__}.json\n"

"""The command line as an operator or a reviewer uses it, each command a process of its own."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import pwrbot as package
from pwrbot.repository.queries import ENGINES
from pwrbot.repository.repository import bind_repository
from tests.acceptance.process import ROOT, environment, pwrbot

STEPS = sorted(
    path.name.removesuffix(".sql")
    for path in (ROOT / "sql/migrations/sqlite").glob("*.sql")
    if not path.name.endswith(".rollback.sql")
)


@pytest.fixture
def sql_copy(tmp_path: Path) -> Path:
    """A copy of the SQL files that a test may change."""
    return shutil.copytree(ROOT / "sql", tmp_path / "sql")


# Statements


def test_every_statement_is_listed(tmp_path: Path):
    done = pwrbot("sql", "list", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    listed = {}
    for line in done.stdout.splitlines():
        name, kind, place = line.split()
        path, _, number = place.partition(":")
        header = (ROOT / path).read_text().splitlines()[int(number) - 1]
        assert re.fullmatch(rf"-- name: \w+ {kind}", header), line
        listed[name] = kind
    for engine in ENGINES:
        bound = {s.name: f":{s.query.kind}" for s in bind_repository(engine).statements}
        assert listed == bound
    written = {
        f"{path.name.partition('.')[0]}.{name}"
        for path in (ROOT / "sql/queries").glob("*.sql")
        if not path.name.startswith("table.")
        for name in re.findall(r"(?m)^-- name: (\w+)", path.read_text())
    }
    assert written <= listed.keys()


@pytest.mark.parametrize("engine", ["sqlite", "postgres", None])
def test_a_statement_is_shown_as_it_will_run(engine: str | None, tmp_path: Path):
    name = "voice_sessions.leaderboard"
    choice = [] if engine is None else ["--engine", engine]
    done = pwrbot("sql", "show", name, *choice, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for each in ENGINES:
        (statement,) = [s for s in bind_repository(each).statements if s.name == name]
        assert (statement.sql in done.stdout) == (engine in (each, None))
    assert ("$1" in done.stdout) == (engine != "sqlite")
    assert ":guild_id" not in done.stdout


def test_an_unknown_statement_is_answered_with_a_near_one(tmp_path: Path):
    done = pwrbot("sql", "show", "voice_sessions.leaderbord", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean voice_sessions.leaderboard" in done.stderr
    done = pwrbot("sql", "show", "zzz", cwd=tmp_path)
    assert done.returncode == 2
    assert "sql list" in done.stderr


# Migrations


def test_migrate_rollback_and_status(database_url: str, tmp_path: Path):
    environ = environment(DATABASE_URL=database_url)

    def run(*arguments: str, code: int = 0) -> str:
        done = pwrbot(*arguments, cwd=tmp_path, environ=environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def states() -> list[str]:
        return re.findall(r"(?m)^(\w+) +\d{4}\.", run("status"))

    assert states() == ["pending"] * len(STEPS)
    assert f"Applied: {', '.join(STEPS)}" in run("migrate")
    assert "Nothing to do" in run("migrate")
    assert states() == ["applied"] * len(STEPS)
    assert f"Rolled back: {STEPS[-1]}" in run("rollback", "--without-backup").splitlines()
    back = f"Rolled back: {STEPS[-2]}, {STEPS[-3]}"
    assert back in run("rollback", "--steps", "2", "--without-backup").splitlines()
    assert states() == ["applied"] * (len(STEPS) - 3) + ["pending"] * 3
    run("rollback", "--steps", "99", "--without-backup")
    assert "Nothing to roll back" in run("rollback")
    assert f"Applied: {', '.join(STEPS[:3])}\n" in run("migrate", "--to", "0003")
    assert "Nothing to do: the schema is at 0003." in run("migrate", "--to", "0003")
    run("migrate", "--to", "9999", code=2)
    assert f"Applied: {', '.join(STEPS[3:])}\n" in run("migrate")
    assert states() == ["applied"] * len(STEPS)


def test_status_fails_for_an_edited_or_unknown_migration(
    migrated_url: str, sql_copy: Path, tmp_path: Path
):
    environ = environment(DATABASE_URL=migrated_url, PWRBOT_SQL_DIR=str(sql_copy))
    for engine in ENGINES:
        path = sql_copy / "migrations" / engine / f"{STEPS[0]}.sql"
        path.write_text(path.read_text() + "\n-- a comment changes nothing\n")
    assert pwrbot("status", cwd=tmp_path, environ=environ).returncode == 0
    for engine in ENGINES:
        path = sql_copy / "migrations" / engine / f"{STEPS[0]}.sql"
        path.write_text(path.read_text() + "\nSELECT 1;\n")
    done = pwrbot("status", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert re.search(rf"edited +{STEPS[0]}", done.stdout + done.stderr)
    # It is no reason to keep the bot from starting.
    assert pwrbot("migrate", cwd=tmp_path, environ=environ).returncode == 0
    for engine in ENGINES:
        for path in (sql_copy / "migrations" / engine).glob(f"{STEPS[-1]}.*"):
            path.unlink()
    done = pwrbot("status", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert re.search(rf"unknown +{STEPS[-1]}", done.stdout + done.stderr)
    assert pwrbot("migrate", cwd=tmp_path, environ=environ).returncode == 3


def test_migrations_that_do_not_match(sqlite_database_url: str, sql_copy: Path, tmp_path: Path):
    environ = environment(DATABASE_URL=sqlite_database_url, PWRBOT_SQL_DIR=str(sql_copy))
    (sql_copy / f"migrations/postgres/{STEPS[1]}.sql").unlink()
    (sql_copy / f"migrations/sqlite/{STEPS[2]}.rollback.sql").unlink()
    done = pwrbot("migrate", cwd=tmp_path, environ=environ)
    assert done.returncode == 3
    assert f"postgres/{STEPS[1]}" in done.stderr
    assert f"{STEPS[2]}.rollback.sql is missing" in done.stderr
    assert not Path(sqlite_database_url.removeprefix("sqlite:///")).exists()


def test_a_new_migration_has_four_files(sql_copy: Path, tmp_path: Path):
    environ = environment(PWRBOT_SQL_DIR=str(sql_copy), DATABASE_URL=f"sqlite:///{tmp_path}/a.db")
    done = pwrbot("new-migration", "add_channel_names", cwd=tmp_path, environ=environ)
    assert done.returncode == 0
    made = [Path(line) for line in done.stdout.splitlines()]
    number = f"{len(STEPS) + 1:04}"
    assert {path.relative_to(sql_copy).as_posix() for path in made} == {
        f"migrations/{engine}/{number}.add_channel_names{suffix}.sql"
        for engine in ENGINES
        for suffix in ("", ".rollback")
    }
    for path in made:
        path.write_text(path.read_text() + "\nSELECT 1;\n")
    done = pwrbot("migrate", cwd=tmp_path, environ=environ)
    assert f"{number}.add_channel_names" in done.stdout
    for name in ("Bad-Name", "", "../x", "a" * 80):
        assert pwrbot("new-migration", name, cwd=tmp_path, environ=environ).returncode == 2


def test_an_existing_database_is_copied_before_it_is_migrated(tmp_path: Path):
    environ = environment(DATA_DIR="d", BACKUP_DIR="kept")
    assert pwrbot("migrate", cwd=tmp_path, environ=environ).returncode == 0
    assert not (tmp_path / "kept").exists()
    assert pwrbot("rollback", cwd=tmp_path, environ=environ).returncode == 0
    done = pwrbot("migrate", cwd=tmp_path, environ=environ)
    (copy,) = (tmp_path / "kept").glob(f"*before-{STEPS[-1]}*.db")
    assert copy.name in done.stderr
    with closing(sqlite3.connect(copy)) as file:
        applied = file.execute("SELECT migration_id FROM _yoyo_migration ORDER BY 1").fetchall()
        file.execute("SELECT * FROM voice_sessions")
    assert [name for (name,) in applied] == STEPS[:-1], "the copy is of before the step"


# The schema dumps


def test_the_schema_dumps_are_checked(postgres_database_url: str, sql_copy: Path, tmp_path: Path):
    environ = environment(PWRBOT_SQL_DIR=str(sql_copy), TEST_DATABASE_URL=postgres_database_url)
    done = pwrbot("schema", "--check", cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    stale = sql_copy / "schema/postgres.sql"
    stale.write_text(stale.read_text() + "-- by hand\n")
    done = pwrbot("schema", "--check", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert "postgres.sql" in done.stderr
    assert "make schema" in done.stderr
    assert pwrbot("schema", cwd=tmp_path, environ=environ).returncode == 0
    for engine in ENGINES:
        written = (sql_copy / f"schema/{engine}.sql").read_bytes()
        assert written == (ROOT / f"sql/schema/{engine}.sql").read_bytes()
    done = pwrbot("schema", "--check", cwd=tmp_path)
    assert done.returncode == 2
    assert "TEST_DATABASE_URL" in done.stderr
    with psycopg.connect(postgres_database_url) as connection:
        left = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%pwrbot%'"
        ).fetchall()
    assert left == [], "the scratch schema is still there"


# How it is called


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["sql"],
        ["sql", "show"],
        ["sql", "show", "feeds.insert", "--engine", "oracle"],
        ["rollback", "--steps", "0"],
        ["rollback", "--steps", "many"],
        ["restore"],
        ["forget"],
        ["forget", "--user", "Ada"],
        ["new-migration"],
        ["run", "now"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], tmp_path: Path):
    done = pwrbot(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "usage: pwrbot" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_and_version(tmp_path: Path):
    done = pwrbot("--help", cwd=tmp_path)
    assert done.returncode == 0
    commands = "run demo migrate rollback status backup restore vacuum forget new-migration sql"
    for command in commands.split():
        assert re.search(rf"(?m)^ +{command}\s", done.stdout)
    assert pwrbot("--version", cwd=tmp_path).stdout == f"pwrbot {package.__version__}\n"


def test_an_empty_environment_is_enough(tmp_path: Path):
    """As under ``env -i``, and without .env."""
    nothing = {"PYTHONPATH": str(ROOT)}  # where the package is not installed
    for arguments in (["sql", "list"], ["migrate"], ["status"], ["rollback"]):
        done = pwrbot(*arguments, cwd=tmp_path, environ=nothing)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/pwrbot.db").exists()


def test_settings_come_from_the_env_file_below_the_environment(tmp_path: Path):
    (tmp_path / ".env").write_text("DATA_DIR=from_file\nLOG_FORMAT=console\n")
    assert pwrbot("migrate", cwd=tmp_path).returncode == 0
    assert (tmp_path / "from_file/pwrbot.db").exists()
    environ = environment(DATA_DIR="from_environment")
    assert pwrbot("migrate", cwd=tmp_path, environ=environ).returncode == 0
    assert (tmp_path / "from_environment/pwrbot.db").exists()


def test_a_reader_that_goes_away(tmp_path: Path):
    """``pwrbot sql list | head -1`` is no error."""
    command = f"{sys.executable} -m pwrbot sql list | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1

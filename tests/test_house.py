"""The rules of the house that no other tool holds: who imports what, and where SQL stands."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pwrbot"

DRIVERS = {"apsw", "asyncpg", "aiosqlite", "sqlite3", "psycopg", "yoyo"}
STATEMENT = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bSELECT\s+(\*|1|COUNT)|\b(INSERT|REPLACE)\s+INTO\b"
    r"|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b|\bTRUNCATE\s+TABLE\b"
    r"|\b(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|SCHEMA|TRIGGER|DATABASE)\b"
    r"|\bPRAGMA\s+\w+|\bVACUUM\b|\bON\s+CONFLICT\b",
    re.DOTALL,
)
OPENING = re.compile(r"\s*(select|insert|update|delete|create|drop|alter|with|pragma)\b", re.I)

# In pieces, so that this file does not name them.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "deb." + "debian.org",
    "proxy." + "golang.org",
)


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(paths: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{name_of(path)} imports {module}"
        for path in paths
        for module in imports(path)
        if any(module == name or module.startswith(f"{name}.") for name in forbidden)
    ]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string in a file, with its line: docstrings too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def is_statement(text: str) -> bool:
    return bool(STATEMENT.search(text) or (OPENING.match(text) and STATEMENT.search(text.upper())))


def may_import_drivers(path: Path) -> bool:
    name = name_of(path)
    return name.startswith(("pwrbot/repository/engine/", "pwrbot/repository/migrations"))


def test_only_the_engines_and_migrations_import_drivers() -> None:
    assert breaches([path for path in modules() if not may_import_drivers(path)], DRIVERS) == []


def test_the_repository_knows_no_discord_and_nobody_above_it() -> None:
    above = {"discord", "pwrbot.services", "pwrbot.cogs", "pwrbot.sandbox"}
    assert breaches(modules(PACKAGE / "repository"), above) == []


def test_the_services_know_no_discord() -> None:
    above = {"discord", "pwrbot.cogs", "pwrbot.sandbox"}
    assert breaches(modules(PACKAGE / "services"), above) == []


def test_the_feeds_know_no_discord_no_sql_and_nobody_above_them() -> None:
    above = {"discord", "pwrbot.repository", "pwrbot.services", "pwrbot.cogs", "pwrbot.sandbox"}
    assert breaches(modules(PACKAGE / "feeds"), above) == []


def test_the_pictures_know_no_discord_and_no_database() -> None:
    above = {"discord", "pwrbot.services", "pwrbot.cogs", "pwrbot.views", "pwrbot.repository"}
    assert breaches(modules(PACKAGE / "pictures"), above) == []


def test_cogs_and_services_know_no_engine() -> None:
    paths = modules(PACKAGE / "services") + modules(PACKAGE / "cogs")
    assert breaches(paths, {"pwrbot.repository.engine"}) == []


def test_no_sql_outside_the_query_layer() -> None:
    found = [
        f"{name_of(path)}:{line}: {text.strip()[:60]}"
        for path in modules()
        if not name_of(path).startswith("pwrbot/repository/")
        for line, text in texts(path)
        if is_statement(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id\nFROM feeds",
        "-- leading comment\nDELETE FROM feeds",
        "select 1",
        "insert into feeds values (1)",
        "UPDATE feeds SET name = 'x'",
        "CREATE UNIQUE INDEX i ON t (a)",
        "PRAGMA foreign_keys = on",
    ],
)
def test_a_statement_is_recognised(text: str) -> None:
    assert is_statement(text)


@pytest.mark.parametrize(
    "text",
    ["Select a channel", "Update the settings", "With whom, and from when?", "Delete", "selected"],
)
def test_prose_is_no_statement(text: str) -> None:
    assert not is_statement(text)


def test_no_file_names_a_package_registry() -> None:
    git = ["git", "-c", "safe.directory=*"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    found = [
        f"{name} names {host}"
        for name in filter(None, listed.split("\0"))
        if (ROOT / name).is_file()
        for host in REGISTRIES
        if host.encode() in (ROOT / name).read_bytes()
    ]
    assert found == []


def test_every_package_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.match(r"[a-z0-9.-]+==[\w.]+( ;|$)", line)] == []

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    asked = [name for group in (project["dependencies"], *extras) for name in group]
    wanted = {re.split(r"[^A-Za-z0-9._-]", name)[0].lower() for name in asked}
    assert wanted - {pin.split("==")[0] for pin in pins} == set()


def test_make_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):(?!=)", makefile))
    listed = set(re.findall(r"(?m)^([a-z-]+):.*## ", makefile))
    assert targets == listed

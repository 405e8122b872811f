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
UNKNOWN = "unknown"
"""In lower case, so that f"Select {something}" is prose."""

STATEMENT = re.compile(
    rf"\bSELECT\b.+\bFROM\b|\bSELECT\s+(\*|1|COUNT|{UNKNOWN})|\b(INSERT|REPLACE)\s+INTO\b"
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


def talking_discord() -> set[str]:
    """discord.py, and the modules that are nothing without it."""
    own = {f"pwrbot.{path.stem}" for path in PACKAGE.glob("*.py") if "discord" in imports(path)}
    return {"discord", "pwrbot.cogs", "pwrbot.sandbox", "pwrbot.views", *own}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string in a file, with its line: docstrings too, and those put together."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.expr) and (text := text_of(node)) is not None:
            yield node.lineno, text


def text_of(node: ast.expr) -> str | None:
    """A string as it stands, or as f"" and + make it; UNKNOWN where only the run knows."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or UNKNOWN for part in parts)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            sides = text_of(left), text_of(right)
            return None if sides == (None, None) else "".join(side or UNKNOWN for side in sides)
        case _:
            return None


def is_statement(text: str) -> bool:
    return bool(STATEMENT.search(text) or (OPENING.match(text) and STATEMENT.search(text.upper())))


def may_import_drivers(path: Path) -> bool:
    name = name_of(path)
    return name.startswith(("pwrbot/repository/engine/", "pwrbot/repository/migrations"))


def test_only_the_engines_and_migrations_import_drivers() -> None:
    assert breaches([path for path in modules() if not may_import_drivers(path)], DRIVERS) == []


def test_the_repository_knows_no_discord_and_nobody_above_it() -> None:
    above = {"pwrbot.services", *talking_discord()}
    assert breaches(modules(PACKAGE / "repository"), above) == []


def test_the_services_know_no_discord() -> None:
    assert breaches(modules(PACKAGE / "services"), talking_discord()) == []


def test_the_feeds_know_no_discord_no_sql_and_nobody_above_them() -> None:
    above = {"pwrbot.repository", "pwrbot.services", *talking_discord()}
    assert breaches(modules(PACKAGE / "feeds"), above) == []


def test_the_pictures_know_no_discord_and_no_database() -> None:
    above = {"pwrbot.repository", "pwrbot.services", *talking_discord()}
    assert breaches(modules(PACKAGE / "pictures"), above) == []


def test_services_know_no_engine() -> None:
    assert breaches(modules(PACKAGE / "services"), {"pwrbot.repository.engine"}) == []


def test_cogs_and_views_reach_the_repository_through_services_alone() -> None:
    paths = modules(PACKAGE / "cogs") + modules(PACKAGE / "views")
    assert breaches(paths, {"pwrbot.repository"}) == []


def test_the_views_know_no_cogs() -> None:
    assert breaches(modules(PACKAGE / "views"), {"pwrbot.cogs"}) == []


def may_hold_sql(path: Path) -> bool:
    """What asks an engine about itself, and the list that stands for IN (:ids)."""
    name = name_of(path)
    return may_import_drivers(path) or name == "pwrbot/repository/statement.py"


def test_no_sql_outside_the_query_files() -> None:
    found = [
        f"{name_of(path)}:{line}: {text.strip()[:60]}"
        for path in modules()
        if not may_hold_sql(path)
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
    "source",
    [
        'f"SELECT {c} FROM feeds"',
        '"SELECT " + c',
        '"DELETE " + "FROM " + table',
        'f"UPDATE {table} " + "SET a = 1"',
        'f"PRAGMA {name}"',
        '"select a " + f"from {table}"',
    ],
)
def test_a_statement_is_recognised_however_it_is_put_together(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"print({source})\n", encoding="utf-8")
    assert any(is_statement(text) for _, text in texts(path))


def test_prose_is_no_statement_however_it_is_put_together(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('print(f"Select {count} channels", "Update " + name, 1 + 2)\n', "utf-8")
    assert not any(is_statement(text) for _, text in texts(path))


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

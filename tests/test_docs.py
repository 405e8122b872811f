"""docs/sql.md holds: its queries load, and its example works in a copy of this tree."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pwrbot.repository.queries import ENGINES, Kind, load_queries
from pwrbot.repository.sql_files import sql_directory

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")

COPIED = ("pwrbot", "sql", "tools", "pyproject.toml", ".env.example")
COPIED_TESTS = (
    "conftest.py",
    "live_bot.py",
    "fake_feeds.py",
    "discord_addresses.py",
    "cogs/conftest.py",
)


class Block(msgspec.Struct, frozen=True):
    """A fenced block of the page, and the files that the paragraph before it ends with."""

    language: str
    text: str
    paths: tuple[str, ...]


def blocks() -> Iterator[Block]:
    paths: tuple[str, ...] = ()
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        paragraph = PAGE[: match.start()].rstrip().rpartition("\n\n")[2]
        if paragraph.splitlines()[-1] != "```":  # else it goes on with the same file
            tail = re.search(r"(`[\w/.]+`(\s+and\s+|:$))+$", paragraph)
            paths = tuple(re.findall(r"`([\w/.]+)`", tail[0])) if tail else ()
        yield Block(match[1], match[2], paths)


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it shows."""
    for part in console.split("$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


class Tree:
    """A copy of the project in which somebody follows the page."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, command: str, database_url: str = "", server: str = "") -> str:
        words = shlex.split(command)
        if words[0] == "pwrbot":
            words[:1] = ["python", "-m", "pwrbot"]
        assert words[0] == "python", command
        done = subprocess.run(
            [sys.executable, *words[1:]],
            cwd=self.root,
            env={
                **os.environ,
                "DATABASE_URL": database_url,
                "TEST_DATABASE_URL": server,
                "LOG_LEVEL": "ERROR",
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def take(self, block: Block) -> None:
        """Do with a block what the page says: a new file, lines for an old one, or a diff."""
        for name in block.paths:
            path = self._path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            old = path.read_text() if path.exists() else ""
            if block.language == "diff":
                path.write_text(patched(old, block.text))
            elif old and "NNNN" not in name:
                path.write_text(f"{old}\n\n{block.text}")
            else:
                path.write_text(block.text)

    def _path(self, name: str) -> Path:
        if "NNNN" not in name:
            return self.root / name
        [path] = (self.root / name).parent.glob(Path(name).name.replace("NNNN", "*"))
        return path


def patched(text: str, diff: str) -> str:
    lines = diff.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"not once in the file:\n{old}"
    return text.replace(old, new)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A copy of the project with everything in it that the page adds."""
    root = tmp_path_factory.mktemp("tree")
    for name in (*COPIED, *(f"tests/{name}" for name in COPIED_TESTS)):
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    made = Tree(root)
    made.run("pwrbot new-migration reminders")
    for block in blocks():
        made.take(block)
    return made


def test_the_page_has_the_whole_example() -> None:
    paths = {path for block in blocks() for path in block.paths}
    assert {path.rpartition("/")[0] for path in paths} >= {
        "sql/migrations/sqlite",
        "sql/migrations/postgres",
        "sql/queries",
        "pwrbot/repository",
        "pwrbot/services",
        "pwrbot/cogs",
        "tests/cogs",
    }
    assert len(paths) == 13
    assert [block.language for block in blocks()].count("console") == 1


def test_the_example_is_what_it_shows(tree: Tree, database_url: str) -> None:
    applied = tree.run("pwrbot migrate", database_url)
    assert applied.rstrip().endswith(".reminders")

    [console] = [block.text for block in blocks() if block.language == "console"]
    for command, output in commands(console):
        assert tree.run(command, database_url) == output, command

    assert "sql/queries/reminders.sql" in tree.run("pwrbot sql list", database_url)
    undone = tree.run("pwrbot rollback --without-backup", database_url)
    assert re.fullmatch(r"Rolled back: \d{4}\.reminders\n", undone)


def test_the_example_answers_its_command(tree: Tree) -> None:
    shown = tree.run("python -m pytest -q -p no:cacheprovider tests/cogs/test_reminders.py")
    assert "1 passed" in shown


def test_the_example_passes_every_check(tree: Tree, postgres_url: str) -> None:
    tree.run("pwrbot schema", server=postgres_url)
    recorded = tree.run("pwrbot sql prepare", server=postgres_url)
    assert "sql/prepared/reminders.json" in recorded
    assert tree.run("pwrbot sql check", server=postgres_url) == ""


def test_the_queries_on_the_page_load(tmp_path: Path) -> None:
    snippets = [b.text for b in blocks() if b.language == "sql" and not b.paths]
    for path in (sql_directory() / "queries").glob("table*.sql"):
        shutil.copy(path, tmp_path)
    (tmp_path / "reminders.sql").write_text("\n".join(snippets))

    files = load_queries(tmp_path)

    for engine in ENGINES:
        assert len(files.queries[engine]) == len(snippets) == 3


def test_the_page_knows_every_kind() -> None:
    assert set(re.findall(r"(?m)^\| `:(\w+)` \|", PAGE)) == set(Kind)

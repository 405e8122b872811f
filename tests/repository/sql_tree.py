"""An SQL directory of a test's own, with migrations that it writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pwrbot.repository.errors import Problem

ENGINES = ("sqlite", "postgres")


class SQLTree:
    """``root`` is what pwrbot calls the SQL directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "queries").mkdir(parents=True)
        for engine in ENGINES:
            (root / "migrations" / engine).mkdir(parents=True)

    def add(
        self, identity: str, forth: str, back: str = "SELECT 1;", engines: tuple[str, ...] = ENGINES
    ) -> None:
        for engine in engines:
            self.path(engine, f"{identity}.sql").write_text(forth, encoding="utf-8")
            self.path(engine, f"{identity}.rollback.sql").write_text(back, encoding="utf-8")

    def add_example(self, folder: Path) -> None:
        """0001.example: what the folder has for an engine, nothing for one that it leaves out."""
        for engine in ENGINES:
            path = folder / f"{engine}.sql"
            text = path.read_text(encoding="utf-8") if path.exists() else "SELECT 1;"
            self.add("0001.example", text, engines=(engine,))

    def path(self, engine: str, name: str) -> Path:
        return self.root / "migrations" / engine / name

    def remove(self, identity: str) -> None:
        for engine in ENGINES:
            self.path(engine, f"{identity}.sql").unlink()
            self.path(engine, f"{identity}.rollback.sql").unlink()


def told(problems: Iterable[Problem]) -> list[str]:
    """What was found in 0001.example: ``ENGINE.sql:LINE: message``, in order."""
    return sorted(
        f"{one.path.parent.name}.{one.path.name.removeprefix('0001.example.')}:{one.line}:"
        f" {one.message}"
        for one in problems
    )

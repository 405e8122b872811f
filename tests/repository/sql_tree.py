"""An SQL directory of a test's own, with migrations that it writes."""

from __future__ import annotations

from pathlib import Path

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

    def path(self, engine: str, name: str) -> Path:
        return self.root / "migrations" / engine / name

    def remove(self, identity: str) -> None:
        for engine in ENGINES:
            self.path(engine, f"{identity}.sql").unlink()
            self.path(engine, f"{identity}.rollback.sql").unlink()

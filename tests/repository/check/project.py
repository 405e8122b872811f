"""A copy of this project's SQL, to be broken."""

import shutil
from pathlib import Path

from pwrbot.repository.check.findings import as_text
from pwrbot.repository.check.project import check_project
from pwrbot.repository.repository import Tables
from pwrbot.repository.sql_files import sql_directory


def copied_sql(directory: Path) -> Path:
    """The SQL directory of a copy, with what is recorded of it."""
    return Path(shutil.copytree(sql_directory(), directory / "sql"))


def told_offline(sql: Path) -> list[str]:
    """What the check says of it without a PostgreSQL."""
    return as_text(check_project(sql, Tables, None).findings, sql.parent)


def edit(path: Path, before: str, after: str) -> None:
    """Replace a text that occurs there exactly once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")

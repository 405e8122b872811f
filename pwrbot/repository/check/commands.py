"""``pwrbot sql check`` and ``pwrbot sql prepare``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pwrbot.errors import ConfigError
from pwrbot.repository.check.findings import as_github, as_text
from pwrbot.repository.check.project import check_project, prepare_project
from pwrbot.repository.repository import Tables
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.url import PostgresURL, parse_url

Format = Literal["text", "github"]


def check_command(environ: Mapping[str, str], *, style: Format, offline: bool) -> int:
    """Print what is wrong, a line each; 1 where there is anything."""
    began = time.monotonic()
    sql = sql_directory(environ)
    postgres, why_not = (None, "--offline") if offline else _postgres(environ)
    report = check_project(sql, Tables, postgres, why_not=why_not)
    lines = (as_github if style == "github" else as_text)(report.findings, _root(sql))
    for line in lines:
        print(line)
    seconds = time.monotonic() - began
    told = f"{len(lines)} findings" if len(lines) != 1 else "1 finding"
    print(
        f"Checked {report.statements} statements {report.note} in {seconds:.1f} s:"
        f" {told if lines else 'all well'}.",
        file=sys.stderr,
    )
    return 1 if lines else 0


def prepare_command(environ: Mapping[str, str]) -> int:
    """Write sql/prepared anew and print the files that changed; 1 where the check finds fault."""
    sql = sql_directory(environ)
    postgres, why_not = _postgres(environ)
    if postgres is None:
        raise ConfigError(
            f"recording what PostgreSQL says needs one ({why_not}): use `make prepare`, which"
            " brings its own"
        )
    report, changed = prepare_project(sql, Tables, postgres)
    for line in as_text(report.findings, _root(sql)):
        print(line)
    for path in changed:
        print(path)
    return 1 if report.findings else 0


def _postgres(environ: Mapping[str, str]) -> tuple[PostgresURL | None, str]:
    """The server to ask, or why there is none."""
    given = environ.get("TEST_DATABASE_URL")
    if not given:
        return None, "TEST_DATABASE_URL is not set"
    url = parse_url(given)
    if not isinstance(url, PostgresURL):
        return None, "TEST_DATABASE_URL names no PostgreSQL"
    return url, ""


def _root(sql: Path) -> Path:
    return sql.resolve().parent

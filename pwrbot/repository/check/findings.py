"""What the check found, and how it is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pwrbot.repository.errors import Problem
from pwrbot.repository.queries import ENGINES, EngineName


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where."""

    path: Path
    line: int
    query: str
    """Its full name; empty where the finding is about the file."""
    engine: EngineName | None
    """None where it has nothing to do with an engine."""
    message: str


def of_problem(problem: Problem) -> Finding:
    """A mismatch that the loader or the binder found."""
    named = re.match(r"(\w+\.\w+): (.*)", problem.message, re.DOTALL)
    name, message = (named[1], named[2]) if named else ("", problem.message)
    return Finding(problem.path, problem.line, name, None, message)


def as_text(findings: Iterable[Finding], root: Path) -> list[str]:
    """``sql/queries/feeds.sql:9 feeds.by_source [sqlite]: what is wrong``, a line each."""
    return [
        f"{_relative(path, root)}:{line}{f' {query}' if query else ''}{_shown(engines)}: {message}"
        for (path, line, query, message), engines in _merged(findings)
    ]


def as_github(findings: Iterable[Finding], root: Path) -> list[str]:
    """Workflow commands that GitHub shows beside the line they are about."""
    return [
        f"::error file={_property(_relative(path, root))},line={line},"
        f"title={_property(f'{query}{_shown(engines)}'.strip() or 'SQL')}::{_escaped(message)}"
        for (path, line, query, message), engines in _merged(findings)
    ]


_Place = tuple[Path, int, str, str]


def _merged(findings: Iterable[Finding]) -> list[tuple[_Place, frozenset[EngineName]]]:
    """By place; what is the same on both engines is told once."""
    merged: dict[_Place, set[EngineName]] = {}
    for finding in findings:
        key = (finding.path, finding.line, finding.query, " ".join(finding.message.split()))
        merged.setdefault(key, set()).update({finding.engine} if finding.engine else ())
    return [(key, frozenset(merged[key])) for key in sorted(merged)]


def _shown(engines: frozenset[EngineName]) -> str:
    return f" [{', '.join(engine for engine in ENGINES if engine in engines)}]" if engines else ""


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")

"""Asks a revision's own code what it declares. Run as a script, in a process of its own:

    python -I probe.py ROOT OUTPUT

ROOT holds ``pwrbot`` and ``sql``. Only what every version of them has is used, and what is newer
only where it is there. Writes JSON to OUTPUT.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import typing
from pathlib import Path
from typing import Any


def main(root: str, output: str) -> None:
    sys.path.insert(0, root)
    os.environ["PWRBOT_SQL_DIR"] = str(Path(root) / "sql")
    told: dict[str, Any] = {"statements": {}, "methods": {}, "problems": []}
    from pwrbot.repository import repository

    for name, declared in typing.get_type_hints(repository.Tables).items():
        told["methods"][name] = _methods(declared)
    for engine in ("sqlite", "postgres"):
        statements, problems = _bound(repository, engine, Path(root) / "sql" / "queries")
        told["problems"] += [
            f"{_shown(problem.path, root)}:{problem.line}: {problem.message}"
            for problem in problems
        ]
        for statement in statements:
            entry = told["statements"].setdefault(statement.name, _entry(statement, root))
            entry["texts"][engine] = {
                "sql": statement.sql,
                "source": "".join(token.text for token in statement.query.tokens),
            }
    told["problems"] = list(dict.fromkeys(told["problems"]))
    Path(output).write_text(json.dumps(told), encoding="utf-8")


def _bound(repository: Any, engine: str, queries: Path) -> tuple[Any, Any]:
    """The statements that fit, and what does not."""
    try:
        return repository.bind_repository(engine, directory=queries).statements, ()
    except repository.QueryFileError as error:
        problems = error.problems
    try:
        from pwrbot.repository.bind import bind_what_fits
        from pwrbot.repository.queries import read_queries
    except ImportError:
        return (), problems
    files, _ = read_queries(queries)
    bound, _ = bind_what_fits(repository.Tables, files, typing.cast("Any", engine), schema="pwrbot")
    return bound.statements, problems


def _entry(statement: Any, root: str) -> dict[str, Any]:
    query = statement.query
    results = {name: kind.name for name, kind in statement.results.items()}
    return {
        "kind": str(query.kind),
        "path": _shown(query.path, root),
        "line": query.line,
        "crud": query.path.name.startswith("table."),
        "parameters": [f"{name}: {kind.name}" for name, kind in statement.parameters.items()],
        "columns": [
            f"{name}: {results[name]}" if name in results else name for name in query.shape.columns
        ],
        "reads": statement.reads,
        "directives": _directives(query.directives),
        "texts": {},
    }


def _directives(directives: Any) -> list[str]:
    lines = [f"order {name}: {text}" for name, text in directives.orders.items()]
    lines += [f"notnull {name}: {text}" for name, text in directives.notnull.items()]
    lines += [f"scan {name}: {text}" for name, text in directives.scans.items()]
    lines += [f"crosses guilds: {directives.crosses_guilds}"] if directives.crosses_guilds else []
    return [*lines, "replica: ok"] if directives.replica else lines


def _methods(declared: type) -> dict[str, Any]:
    """Each method's parameters: by place, by name, those that must be given, and all as text."""
    found: dict[str, Any] = {}
    for name, method in inspect.getmembers(declared, inspect.isfunction):
        if name.startswith("_"):
            continue
        signature = inspect.signature(method)
        taken = list(signature.parameters.values())[1:]
        plain = [p for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        found[name] = {
            "positional": [p.name for p in plain if p.kind != p.KEYWORD_ONLY],
            "named": [p.name for p in plain if p.kind != p.POSITIONAL_ONLY],
            "required": [p.name for p in plain if p.default is p.empty],
            "open": len(plain) != len(taken),
            "text": str(signature.replace(parameters=taken)).replace("'", ""),
        }
    return found


def _shown(path: Path, root: str) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


if __name__ == "__main__":
    main(*sys.argv[1:])

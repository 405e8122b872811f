"""Calls in the new code that do not fit its methods: ``tx.feeds.rename(feed_id=1)``.

Found in the syntax tree by their form, ``something.TABLE.METHOD(...)``; a call through a
variable of its own is left to the type checkers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pwrbot.repository.review.snapshot import Method, Snapshot


def calls_that_do_not_fit(before: Snapshot, after: Snapshot) -> list[str]:
    """A line for each: ``pwrbot/services/voice.py:12: feeds.rename(): there is no such method``."""
    found: list[str] = []
    if not after.methods:
        return found
    for path in sorted((after.root / "pwrbot").rglob("*.py")):
        shown = path.relative_to(after.root)
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            found.append(f"{shown}: cannot be read: {error}")
            continue
        for call, table, name in _calls(tree):
            method = after.methods.get(table, {}).get(name)
            if method is None:
                # Something else may be called like a table: only what was a method is missed.
                if name in before.methods.get(table, {}):
                    found.append(f"{shown}:{call.lineno}: {table}.{name}(): this method is gone")
            else:
                found += [
                    f"{shown}:{call.lineno}: {table}.{name}(): {why}"
                    for why in _misfits(call, method)
                ]
    return found


def new_and_gone_methods(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Each method that is declared otherwise now: its name, and its signatures, perhaps empty."""
    for table in sorted(before.methods.keys() | after.methods.keys()):
        old, new = before.methods.get(table, {}), after.methods.get(table, {})
        for name in sorted(old.keys() | new.keys()):
            one = old[name].text if name in old else ""
            other = new[name].text if name in new else ""
            if one != other:
                yield f"{table}.{name}", one, other


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            table = node.func.value
            if isinstance(table, ast.Attribute):
                yield node, table.attr, node.func.attr


def _misfits(call: ast.Call, method: Method) -> Iterator[str]:
    spread = any(isinstance(argument, ast.Starred) for argument in call.args)
    if method.open or spread:
        return
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    if unknown := sorted(given - set(method.named)):
        yield f"takes no {', '.join(unknown)}"
    if len(call.args) > len(method.positional):
        yield f"takes {len(method.positional)} arguments by place, {len(call.args)} are given"
    by_place = set(method.positional[: len(call.args)])
    spread_names = any(keyword.arg is None for keyword in call.keywords)
    missing = [name for name in method.required if name not in given | by_place]
    if missing and not spread_names:
        yield f"needs {', '.join(missing)} too"


def places_of_calls(root: Path) -> dict[str, list[str]]:
    """Where a revision calls each method, by ``table.method``: ``pwrbot/services/voice.py:12``."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "pwrbot").rglob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for call, table, name in _calls(tree):
            place = f"{path.relative_to(root)}:{call.lineno}"
            found.setdefault(f"{table}.{name}", []).append(place)
    return found

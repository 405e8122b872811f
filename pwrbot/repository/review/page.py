"""What changed, as a Markdown page. Text of the repository is shown as code, never as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from pwrbot.repository.migrations.destructive import dangers, does_nothing, losses, marks
from pwrbot.repository.migrations.errors import MigrationFilesError
from pwrbot.repository.migrations.files import Migration
from pwrbot.repository.queries import ENGINES
from pwrbot.repository.review.calls import new_and_gone_methods
from pwrbot.repository.review.changes import Changes, MigrationChange, StatementChange
from pwrbot.repository.review.locks import locks
from pwrbot.repository.review.revisions import Revision
from pwrbot.repository.review.snapshot import Snapshot, Statement

MARKER: Final = "<!-- pwrbot sql review -->"
"""The page's first line, by which a workflow finds its comment again."""

_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def page(
    base: Revision, head: Revision, changes: Changes, *, note: str = "", limit: int | None = None
) -> str:
    """The page, without details where it would be longer than ``limit`` characters."""
    full = "\n".join(_page(base, head, changes, note, details=True))
    if limit is None or len(full) <= limit:
        return full
    ending = (
        "\n\n*This page was cut short. All of it:"
        f" {code(f'pwrbot sql review {base.commit[:12]}..{head.commit[:12]}')}*"
    )
    brief = "\n".join(_page(base, head, changes, note, details=False))
    if len(brief) + len(ending) > limit:
        brief = brief[: limit - len(ending)].rpartition("\n")[0]
    return brief + ending


def code(text: str) -> str:
    """Text as inline code, whatever is in it."""
    text = " ".join(text.split())
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def fenced(lines: Iterable[str], language: str = "") -> list[str]:
    """Lines as a block of code, whatever is in them."""
    shown = list(lines)
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *shown, fence]


def _page(
    base: Revision, head: Revision, changes: Changes, note: str, *, details: bool
) -> Iterator[str]:
    yield MARKER
    yield "# What this changes in the SQL"
    yield ""
    yield f"From {code(base.commit[:12])} to {code(head.commit[:12])} ({code(head.name)})."
    if note:
        yield ""
        yield note
    if changes.nothing:
        yield ""
        yield "**Nothing changed**: the same queries with the same plans, schema and migrations."
        yield from _problems(changes)
        return
    yield ""
    yield from _summary(changes)
    yield from _problems(changes)
    yield from _migrations(changes)
    yield from _schemas(changes, details)
    yield from _statements(changes, details)
    yield from _methods(changes)


def _summary(changes: Changes) -> Iterator[str]:
    own = [change for change in changes.statements if not _is_crud(change)]
    crud = len(changes.statements) - len(own)
    added = sum(change.before is None for change in own)
    gone = sum(change.after is None for change in own)
    yield f"* queries: {added} added, {len(own) - added - gone} changed, {gone} gone" + (
        f"; and {crud} of the tables' own statements" if crud else ""
    )
    engines = [_NAMES[engine] for engine in changes.schemas]
    yield f"* schema: {'changed on ' + ' and '.join(engines) if engines else 'as it was'}"
    yield f"* migrations: {len(changes.migrations) or 'none'}"
    if changes.calls:
        yield f"* **does not fit: {len(changes.calls)}**"
    if changes.after.broken:
        yield f"* **breaks {len(changes.after.broken)} statements of the last release**"


def _problems(changes: Changes) -> Iterator[str]:
    if changes.before.problems:
        yield "\n## What could not be read of the revision before\n"
        yield from fenced(_lines(changes.before.problems))
    if changes.calls:
        yield "\n## What does not fit\n"
        yield from fenced(_lines(changes.calls))
    if changes.after.broken:
        yield "\n## What would break a process of the last release\n"
        yield from fenced(_lines(str(one) for one in changes.after.broken))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from text.splitlines()


# Migrations


def _migrations(changes: Changes) -> Iterator[str]:
    if not changes.migrations:
        return
    yield "\n## Migrations"
    for identity, each in changes.migrations.items():
        yield f"\n### {code(identity)}\n"
        for change in each:
            yield from _migration(change, changes)


def _migration(change: MigrationChange, changes: Changes) -> Iterator[str]:
    name = _NAMES[change.engine]
    if change.after is None:
        yield f"* {name}: **taken away**. A database that has it will not start with this version."
        return
    if change.before is not None:
        yield (
            f"* {name}: **edited**. A database that has it keeps what it was; only new ones get"
            " this. Write a new migration instead, unless nobody has it yet."
        )
    else:
        yield f"* {name}: new."
    try:
        yield f"  * {_undone(change.after)}"
        if change.engine == "postgres":
            yield from _locks(change.after)
        else:
            yield "  * Locks: the whole database against writing, as every step on SQLite."
        lost = losses(change.after)
        for danger in dangers(change.after):
            kind = "destructive" if danger in lost else "derived"
            yield f"  * **{kind}**, line {danger.line}: {code(danger.what)}"
        for mark in marks(change.after.path):
            yield f"  * the reason given: {code(mark.reason)}"
    except (MigrationFilesError, OSError, UnicodeDecodeError) as error:
        yield f"  * cannot be read: {code(str(error).replace(str(changes.after.root) + '/', ''))}"


def _undone(migration: Migration) -> str:
    steps = migration.back()
    count = f"{len(steps)} statement{'s' * (len(steps) != 1)}"
    if does_nothing(steps):
        return "Taking it back: nothing is done."
    if losses(migration):
        return f"Taking it back: {count}; **what was destroyed comes back from a backup only**."
    return f"Taking it back: {count}."


def _locks(migration: Migration) -> Iterator[str]:
    found = locks(migration.forth())
    waiting = [lock for lock in found if lock.level]
    if not waiting:
        yield "  * Locks: only tables that it makes itself; nobody waits."
    for lock in waiting:
        on = f" on {code(lock.table)}" if lock.table else ""
        yield (
            f"  * Lock, line {lock.line}, {code(lock.statement)}: {lock.level}{on}, blocks"
            f" {lock.blocks}"
        )


# The schema


def _schemas(changes: Changes, details: bool) -> Iterator[str]:
    if not changes.schemas:
        return
    yield "\n## Schema\n"
    for engine, lines in changes.schemas.items():
        more = sum(line.startswith("+") for line in lines)
        less = sum(line.startswith("-") for line in lines)
        summary = f"{_NAMES[engine]}: {more} lines more, {less} less"
        yield from _folded(summary, fenced(lines, "diff")) if details else [f"* {summary}"]


# Queries


def _statements(changes: Changes, details: bool) -> Iterator[str]:
    own = [change for change in changes.statements if not _is_crud(change)]
    for title, chosen in (
        ("Queries added", [c for c in own if c.before is None]),
        ("Queries changed", [c for c in own if c.before and c.after]),
        ("Queries gone", [c for c in own if c.after is None]),
    ):
        if chosen:
            yield f"\n## {title}"
        for change in chosen:
            yield from _statement(change, changes, details)
    yield from _crud(changes)


def _statement(change: StatementChange, changes: Changes, details: bool) -> Iterator[str]:
    before, after = change.before, change.after
    now = after or before
    assert now is not None
    yield f"\n### {code(change.name)}\n"
    yield f"{code(f':{now.kind}')}, {code(f'{now.path}:{now.line}')}"
    if after is None:
        callers = changes.callers.get(change.name.partition(":")[0])
        if callers:
            yield f"\nWas called at {', '.join(code(place) for place in callers)}."
        return
    refused = [(e, t.refusal) for e in ENGINES if (t := after.texts.get(e)) and t.refusal]
    if refused:
        yield ""
    for engine, refusal in refused:
        yield f"**{_NAMES[engine]} refuses it**: {code(refusal)}"
    if not details:
        return
    for label, old, new in _aspects(before, after):
        if before is None and new:
            yield f"\n{label}:\n"
            yield from fenced(new)
        elif before is not None and old != new:
            yield f"\n{label}:\n"
            yield from fenced(_diff(old, new), "diff")
    if before is not None:
        yield from _text(before, after)


def _aspects(
    before: Statement | None, after: Statement
) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """What a statement is, by aspect: how it was and how it is."""
    old = before or Statement("", "", 0, False, (), (), "", (), {})
    yield "Kind", (old.kind,), (after.kind,) if before else ()
    yield "Parameters", old.parameters, after.parameters
    into = [f"into {statement.reads}" if statement.reads else "" for statement in (old, after)]
    yield (
        "Result",
        (*old.columns, *filter(None, into[:1])),
        (*after.columns, *filter(None, into[1:])),
    )
    yield "Header", old.directives, after.directives
    for engine in ENGINES:
        texts = old.texts.get(engine), after.texts.get(engine)
        columns = [text.columns if text else () for text in texts]
        plans = [text.plan if text else () for text in texts]
        if before is not None:
            yield f"Columns as {_NAMES[engine]} has them", columns[0], columns[1]
        yield f"Plan on {_NAMES[engine]}", plans[0], plans[1]


def _text(before: Statement, after: Statement) -> Iterator[str]:
    """The SQL before and after, once where both engines have the same."""
    shown: set[tuple[str, ...]] = set()
    for engine in ENGINES:
        texts = [one.texts[engine].source if engine in one.texts else "" for one in (before, after)]
        lines = tuple(_diff(texts[0].splitlines(), texts[1].splitlines()))
        if lines and lines not in shown:
            shown.add(lines)
            yield from _folded(
                f"SQL ({_NAMES[engine]})" if len(shown) > 1 else "SQL", fenced(lines, "diff")
            )


def _crud(changes: Changes) -> Iterator[str]:
    """The statements that every table has, a line for each table."""
    tables: dict[tuple[str, str], list[str]] = {}
    for change in changes.statements:
        if _is_crud(change):
            table, _, name = change.name.partition(".")
            what = "changed" if change.before and change.after else "new"
            what = "gone" if change.after is None else what
            tables.setdefault((table, what), []).append(name)
    if tables:
        yield "\n## The tables' own statements\n"
    for (table, what), names in sorted(tables.items()):
        yield f"* {code(table)}, {what}: {', '.join(code(name) for name in names)}"


def _methods(changes: Changes) -> Iterator[str]:
    crud = {change.name for change in changes.statements if _is_crud(change)}
    lines: list[str] = []
    for name, old, new in new_and_gone_methods(changes.before, changes.after):
        if name in crud or not _was_in_both(name, changes.before, changes.after):
            continue
        lines += [f"-{name}{old}"] if old else []
        lines += [f"+{name}{new}"] if new else []
    if lines:
        yield "\n## Methods declared otherwise\n"
        yield from fenced(lines, "diff")


def _was_in_both(name: str, before: Snapshot, after: Snapshot) -> bool:
    """What is new or gone with its query is told there."""
    table, _, method = name.partition(".")
    return all(method in one.methods.get(table, {}) for one in (before, after))


def _is_crud(change: StatementChange) -> bool:
    one = change.after or change.before
    return one is not None and one.crud


def _diff(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return [
        line
        for line in unified_diff(list(old), list(new), lineterm="", n=100)
        if not line.startswith(("---", "+++", "@@"))
    ]


def _folded(summary: str, lines: Iterable[str]) -> list[str]:
    return ["", f"<details><summary>{summary}</summary>", "", *lines, "", "</details>"]

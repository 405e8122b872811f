"""Two snapshots held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import unified_diff

import msgspec

from pwrbot.repository.check.catalog import digest
from pwrbot.repository.migrations.files import Migration
from pwrbot.repository.queries import ENGINES, EngineName
from pwrbot.repository.review.calls import calls_that_do_not_fit, places_of_calls
from pwrbot.repository.review.snapshot import Snapshot, Statement


class StatementChange(msgspec.Struct, frozen=True):
    """A statement that was added, changed or taken away."""

    name: str
    before: Statement | None
    after: Statement | None


class MigrationChange(msgspec.Struct, frozen=True):
    """A migration that was added, changed or taken away on one engine."""

    engine: EngineName
    before: Migration | None
    after: Migration | None


class Changes(msgspec.Struct, frozen=True):
    """All that changed from one revision to the other."""

    before: Snapshot
    after: Snapshot
    statements: tuple[StatementChange, ...]
    schemas: Mapping[EngineName, tuple[str, ...]]
    """A diff for each engine whose schema changed."""
    migrations: Mapping[str, tuple[MigrationChange, ...]]
    """By id, in their order."""
    calls: tuple[str, ...]
    """Calls and declarations of the new revision that do not fit."""

    callers: Mapping[str, Sequence[str]]
    """Where the old revision calls each method."""

    @property
    def nothing(self) -> bool:
        return not (self.statements or self.schemas or self.migrations or self.calls)


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """What changed; comments, white space and moved lines are no change."""
    names = sorted(before.statements.keys() | after.statements.keys())
    pairs = [(name, before.statements.get(name), after.statements.get(name)) for name in names]
    return Changes(
        before=before,
        after=after,
        statements=tuple(
            StatementChange(name, old, new)
            for name, old, new in pairs
            if _essence(old) != _essence(new)
        ),
        schemas={
            engine: lines
            for engine in ENGINES
            if (lines := _diff(before.schemas.get(engine, ""), after.schemas.get(engine, "")))
        },
        migrations=_migrations(before, after),
        callers=places_of_calls(before.root),
        calls=(*after.problems, *calls_that_do_not_fit(before, after)),
    )


def _essence(statement: Statement | None) -> object:
    if statement is None:
        return None
    texts = {
        engine: (digest(text.sql), text.columns, text.plan, text.refusal)
        for engine, text in statement.texts.items()
    }
    shape = (statement.parameters, statement.columns, statement.reads, statement.directives)
    return statement.kind, shape, texts


def _diff(old: str, new: str) -> tuple[str, ...]:
    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    return tuple(lines)[2:]


def _migrations(before: Snapshot, after: Snapshot) -> dict[str, tuple[MigrationChange, ...]]:
    found: dict[str, list[MigrationChange]] = {}
    for engine in ENGINES:
        old, new = before.migrations.get(engine, {}), after.migrations.get(engine, {})
        for identity in old.keys() | new.keys():
            one, other = old.get(identity), new.get(identity)
            if one is None or other is None or one.digest != other.digest:
                found.setdefault(identity, []).append(MigrationChange(engine, one, other))
    return {identity: tuple(found[identity]) for identity in sorted(found)}

"""What an engine says of a statement without running it."""

from __future__ import annotations

import msgspec


class DescribedColumn(msgspec.Struct, frozen=True):
    """A result column as the engine knows it."""

    name: str
    type: str | None
    """In the engine's words; None where it cannot tell (an expression on SQLite)."""


class Description(msgspec.Struct, frozen=True):
    """A statement that the engine accepts."""

    parameters: tuple[str, ...]
    """Their types in order; none on SQLite, which has no types for them."""
    columns: tuple[DescribedColumn, ...]
    readonly: bool | None
    """None where the engine does not say."""
    plan: tuple[str, ...]
    """How it would run, a line each: what is read by which index, and on what condition."""
    scans: frozenset[str]
    """What it would read from end to end: tables, or the names they go by in the statement."""
    remarks: tuple[str, ...] = ()
    """What is accepted and yet is surely meant otherwise."""


class Refusal(msgspec.Struct, frozen=True):
    """A statement that the engine does not accept, and why."""

    message: str
    offset: int | None
    """Which character of the text the engine points at."""

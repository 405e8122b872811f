"""What an import did, or would do: in numbers, by rule, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pwrbot.importing.rules import Rule

EXAMPLES: Final = 3
"""How many examples of each rule are told."""

_EXAMPLE_LENGTH: Final = 160


class Tally:
    """The rows of one kind: each that was read is added, there already or left out."""

    def __init__(self) -> None:
        self.read = 0
        self.added = 0
        self.there = 0
        self.left_out = 0


class Report:
    """The account of an import. Knows ids, which the log must not: for the operator's eyes."""

    def __init__(self, source: str, description: str, *, dry: bool) -> None:
        self._source = source
        self._description = description
        self._dry = dry
        self._tallies: dict[str, Tally] = {}
        self._counts: Counter[Rule] = Counter()
        self._examples: dict[Rule, list[str]] = {}
        self.without_counterpart: Counter[str] = Counter()
        """Settings that pwrbot has no like of, and how many servers chose each."""
        self.session_rows = 0
        """How many rows the sessions that were added became."""
        self.time = timedelta()
        """How much time in voice was added."""
        self.notes: list[str] = []

    def tally(self, kind: str) -> Tally:
        """The numbers of one kind of row, in the order in which they were asked for first."""
        return self._tallies.setdefault(kind, Tally())

    def found(self, rule: Rule, example: str = "") -> None:
        """Count what a rule was applied to; the first few are told as examples."""
        self._counts[rule] += 1
        if example and self._counts[rule] <= EXAMPLES:
            shown = (
                example if len(example) <= _EXAMPLE_LENGTH else f"{example[:_EXAMPLE_LENGTH]}..."
            )
            # One line each, and nothing that a terminal would obey.
            line = "".join(one if one.isprintable() else " " for one in shown)
            self._examples.setdefault(rule, []).append(line)

    def wants_example(self, rule: Rule) -> bool:
        """Whether another example would be told: making one costs time."""
        return self._counts[rule] < EXAMPLES

    def count(self, rule: Rule) -> int:
        """How often a rule was applied."""
        return self._counts[rule]

    def __str__(self) -> str:
        parts = [self._head(), _table(self._numbers()), self._sum(), self._by_rule()]
        if self.without_counterpart:
            parts.append(self._unknown_settings())
        parts += self.notes
        return "\n\n".join(part for part in parts if part)

    def _head(self) -> str:
        head = f"pwr-bot's {self._source} ({self._description})"
        if self._dry:
            return f"{head}\nThis is a dry run: nothing was written; the numbers say what would be."
        return head

    def _numbers(self) -> list[tuple[str, ...]]:
        return [
            ("", "read", "would add" if self._dry else "added", "there already", "left out"),
            *(
                (kind, f"{t.read:,}", f"{t.added:,}", f"{t.there:,}", f"{t.left_out:,}")
                for kind, t in self._tallies.items()
            ),
        ]

    def _sum(self) -> str:
        if not self.session_rows:
            return ""
        hours = self.time / timedelta(hours=1)
        return f"Time in voice: {hours:,.1f} hours in {self.session_rows:,} rows."

    def _by_rule(self) -> str:
        lines: list[str] = []
        for rule in Rule:
            if count := self._counts[rule]:
                lines.append(f"{count:>9,}  {rule}")
                lines += [f"           {line}" for line in self._examples.get(rule, ())]
        return "\n".join(["By rule, with the first examples of each:", *lines]) if lines else ""

    def _unknown_settings(self) -> str:
        lines = [f"{count:>9,}  {key}" for key, count in sorted(self.without_counterpart.items())]
        return "\n".join(["Settings that pwrbot has no like of, and how many servers:", *lines])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )

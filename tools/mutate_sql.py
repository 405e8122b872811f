"""Break the project's SQL, migrations and row classes, one way at a time: the check must find each.

    make mutate-sql

``mutations.toml`` lists the ways. Each is made in a copy and undone again; nothing of the working
copy is touched. One that nobody finds, or that is not told by name and line, fails the run. What
only the record finds (sql/prepared, sql/schema) counts as found, and is shown as such: it would be
told just so where the change is meant, for a person to look at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent
KINDS = ("a rule", "the record", "the record of texts", "nobody")
"""What may find a mutation, the best first."""

_RECORDED = (
    "its plan is",
    "its columns are",
    "its parameters are",
    "is not what the migrations make",
    "a table that its statements name",
    "there is no such statement any more",
)
_TEXTS = ("its text was changed", "is not what the statements were checked with")


class Edit(msgspec.Struct, frozen=True):
    """A text that is there, at its first place, and what takes its place."""

    file: str
    before: str
    after: str


class Mutation(msgspec.Struct, frozen=True):
    """One way to break the project, and what a finding has to name."""

    what: str
    named: str
    edits: list[Edit]


class Mutations(msgspec.Struct, frozen=True):
    mutation: list[Mutation]


def main() -> int:
    """Apply each and print what found it; 1 where one is not found."""
    began = time.monotonic()
    listed = Path(__file__).with_name("mutations.toml").read_bytes()
    mutations = msgspec.toml.decode(listed, type=Mutations).mutation
    survivors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pwrbot-mutate-") as name:
        copy = Path(name)
        for part in ("pwrbot", "sql"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        if clean := _findings(copy):
            print("The check finds fault before anything is broken:", *clean, sep="\n")
            return 1
        print("| Mutation | Found by | Told |\n|---|---|---|")
        for mutation in mutations:
            with _mutated(copy, mutation):
                by, told = _best(_findings(copy), mutation.named)
            shown = (told if len(told) < 200 else f"{told[:197]}...").replace("|", "&#124;")
            print(f"| {mutation.what} | {by} | {shown} |", flush=True)
            if by == "nobody":
                survivors.append(mutation.what)
    seconds = time.monotonic() - began
    print(f"\n{len(mutations)} mutations in {seconds:.0f} s; not found: {survivors or 'none'}")
    return 1 if survivors else 0


@contextmanager
def _mutated(copy: Path, mutation: Mutation) -> Generator[None]:
    """The copy, broken in this way. Raises ValueError where there is nothing to break."""
    originals: dict[Path, str] = {}
    try:
        for edit in mutation.edits:
            path = copy / edit.file
            text = path.read_text(encoding="utf-8")
            originals.setdefault(path, text)
            if edit.before not in text:
                raise ValueError(f"{mutation.what}: {edit.file} does not hold {edit.before!r}")
            path.write_text(text.replace(edit.before, edit.after, 1), encoding="utf-8")
        yield
    finally:
        for path, text in originals.items():
            path.write_text(text, encoding="utf-8")


def _findings(copy: Path) -> list[str]:
    """What ``pwrbot sql check`` says of the copy."""
    environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environ.pop("PWRBOT_SQL_DIR", None)
    command = [sys.executable, "-c", "from pwrbot.cli import main; raise SystemExit(main())"]
    done = subprocess.run(
        [*command, "sql", "check"],
        cwd=copy,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    # A check that falls over has found nothing.
    return lines or ([f"(failed) {done.stderr[-300:]}"] if done.returncode else [])


def _best(lines: Sequence[str], named: str) -> tuple[str, str]:
    """The best kind of finding with a place that names what was broken, and the finding."""
    placed = [line for line in lines if named in line and re.match(r"[\w./]+:\d+[ :]", line)]
    if not placed:
        return "nobody", " / ".join(lines)
    kind, line = min(((_kind(line), line) for line in placed), key=lambda one: one[0])
    return KINDS[kind], line


def _kind(line: str) -> int:
    if any(words in line for words in _TEXTS):
        return 2
    return 1 if any(words in line for words in _RECORDED) else 0


if __name__ == "__main__":
    sys.exit(main())

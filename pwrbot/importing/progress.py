"""How far an import has come, for people who wait: on a terminal a line that changes."""

from __future__ import annotations

from typing import Final, TextIO

_STEP: Final = 100_000
"""Where the output is no terminal, a line for each that many."""


class Progress:
    """Tells how far it is, on a stream that people see."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._told = 0

    def start(self, what: str) -> None:
        """Another part begins."""
        self._told = 0
        if not self._live:
            self._write(f"{what} ...\n")

    def at(self, what: str, done: int, total: int) -> None:
        """So many are done of so many."""
        if self._live:
            self._write(f"\r\x1b[K{what}: {done:,} of {total:,}")
        elif done // _STEP > self._told:
            self._told = done // _STEP
            self._write(f"{what}: {done:,} of {total:,}\n")

    def end(self) -> None:
        """Leave the line as it was before."""
        if self._live:
            self._write("\r\x1b[K")

    def say(self, line: str) -> None:
        """Something to be read, on a line of its own."""
        self.end()
        self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

"""Progress: a line that changes on a terminal, lines now and then elsewhere."""

from __future__ import annotations

import io

from pwrbot.importing.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.start("sessions")
    progress.at("sessions", 4000, 12000)
    progress.at("sessions", 8000, 12000)
    progress.end()
    clear = "\r\x1b[K"
    assert stream.getvalue() == (
        f"{clear}sessions: 4,000 of 12,000{clear}sessions: 8,000 of 12,000{clear}"
    )


def test_elsewhere() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.start("sessions")
    for done in range(0, 250_001, 50_000):
        progress.at("sessions", done, 250_000)
    progress.say("Not finished.")
    assert stream.getvalue().splitlines() == [
        "sessions ...",
        "sessions: 100,000 of 250,000",
        "sessions: 200,000 of 250,000",
        "Not finished.",
    ]

"""The report as an operator reads it."""

from __future__ import annotations

from datetime import timedelta

from pwrbot.importing.report import Report
from pwrbot.importing.rules import Rule


def test_all_of_it() -> None:
    report = Report("data.db", "SQLite 3.40.1, migration 8", dry=False)
    tally = report.tally("voice sessions")
    tally.read, tally.added, tally.left_out = 1234, 1230, 4
    report.session_rows, report.time = 1231, timedelta(hours=10, minutes=30)
    for number in range(4):
        report.found(Rule.NEGATIVE, f"member {number}\x1b[2J")
    report.without_counterpart["welcome.enabled"] += 2
    report.notes.append("A note.")
    assert str(report) == (
        "pwr-bot's data.db (SQLite 3.40.1, migration 8)\n"
        "\n"
        "                 read  added  there already  left out\n"
        "voice sessions  1,234  1,230              0         4\n"
        "\n"
        "Time in voice: 10.5 hours in 1,231 rows.\n"
        "\n"
        "By rule, with the first examples of each:\n"
        "        4  left out: ends before it begins\n"
        "           member 0 [2J\n"
        "           member 1 [2J\n"
        "           member 2 [2J\n"
        "\n"
        "Settings that pwrbot has no like of, and how many servers:\n"
        "        2  welcome.enabled\n"
        "\n"
        "A note."
    )


def test_a_long_example_is_cut() -> None:
    report = Report("x", "y", dry=True)
    report.found(Rule.UNKNOWN_PLATFORM, "x" * 5000)
    assert len(str(report)) < 600

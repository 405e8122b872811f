"""A process that migrates and is hindered, run by the tests that kill it.

    python -m tests.repository.migrating URL SQL_DIRECTORY [HINDRANCE]

Prints ``reached`` at the hindrance, and the ids it applied at the end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pwrbot.repository.engine.migration_backend import MigrationBackend
from pwrbot.repository.migrations import migrate
from pwrbot.repository.url import parse_url

record, run = MigrationBackend.record, MigrationBackend.run


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_mark(self: MigrationBackend, identity: str, digest: str, now: datetime) -> None:
    if identity.startswith("0002"):
        die()
    record(self, identity, digest, now)


def after_mark(self: MigrationBackend, identity: str, digest: str, now: datetime) -> None:
    record(self, identity, digest, now)
    if identity.startswith("0002"):
        die()


def within(self: MigrationBackend, statement: str) -> None:
    run(self, statement)
    if "dogs" in statement:
        die()


def stay(self: MigrationBackend, statement: str) -> None:
    run(self, statement)
    print("reached", flush=True)
    time.sleep(60)


def slowly(self: MigrationBackend, statement: str) -> None:
    run(self, statement)
    time.sleep(0.2)


HINDRANCES: dict[str, dict[str, Any]] = {
    "none": {},
    "before_mark": {"record": before_mark},
    "after_mark": {"record": after_mark},
    "within": {"run": within},
    "stay": {"run": stay},
    "slowly": {"run": slowly},
    "after_prepare": {"run": lambda *_: die()},
}

if __name__ == "__main__":
    url, directory, hindrance = sys.argv[1:]
    for name, method in HINDRANCES[hindrance].items():
        setattr(MigrationBackend, name, method)
    print(*migrate(parse_url(url), directory=Path(directory), wait_seconds=50), flush=True)

"""A lock on a file that ends with the process that holds it, however that process ends.

The kernel keeps it (flock), so there is nothing to clean up after ``kill -9`` and nobody has to
guess whether a process id of last week is still the same process. The file itself stays: whoever
removed it could let two holders in.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pwrbot.repository.errors import DatabaseReadOnly


class FileLock:
    """One holder at a time, of the file at ``path``; its directory must be there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free. Raises DatabaseReadOnly where its file cannot be made."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatabaseReadOnly(
                f"{self.path} cannot be written: {error.strerror}. pwrbot needs to write beside its"
                " database; give it a directory of its own."
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise DatabaseReadOnly(
                f"{self.path} cannot be locked: {error.strerror}. Keep the database on a local"
                " disk."
            ) from None
        self._descriptor = descriptor
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return True

    def holder(self) -> str:
        """The process id that the last holder wrote down, for people; empty where it is unknown."""
        try:
            text = self.path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return text if text.isdigit() else ""

    def release(self) -> None:
        """Let go; does nothing where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

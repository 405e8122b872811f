"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """An empty file beside it that only its owner can read (0600), and nobody else writes to: what
    was written there is on disk once it bears its own name.

    Where the block raises nothing stays. Raises FileExistsError, before the block or after it,
    where the name is taken: nothing is ever overwritten.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        _flush(part)
        _name(part, path)
        _flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    """Give it its name: a second name, unlike a new one, is never given over another file."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # the file system has no second names (exFAT, some of a network)
        path.touch(exist_ok=False)
        part.replace(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

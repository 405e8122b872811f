"""Two revisions of a repository, unpacked into directories that go away; the work tree stays."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pwrbot.errors import PwrbotError

PARTS: Final = ("pwrbot", "sql")
"""What is read of a revision."""


class ReviewError(PwrbotError):
    """There is nothing that could be compared: name two revisions as BASE..HEAD."""

    exit_code = 2


class Revision(msgspec.Struct, frozen=True):
    """A commit and where its files are."""

    name: str
    """As it was asked for."""
    commit: str
    path: Path


@contextmanager
def unpacked(given: str, directory: Path) -> Generator[tuple[Revision, Revision]]:
    """Where HEAD left BASE, and HEAD, for ``BASE..HEAD``; an empty side is git's HEAD.

    Raises ReviewError for what is no range, no repository, no revision or has nothing in common.
    """
    base_name, dots, head_name = given.partition("..")
    head_name = head_name.removeprefix(".")  # A...B means the same here
    if not dots or (not base_name and not head_name):
        raise ReviewError(f"{given!r} is no range of revisions: write BASE..HEAD, as main..HEAD")
    base_name, head_name = base_name or "HEAD", head_name or "HEAD"
    _git(directory, "rev-parse", "--git-dir", failing=f"{directory} is not in a git repository")
    base, head = _commit(directory, base_name), _commit(directory, head_name)
    common = _git(
        directory,
        *("merge-base", base, head),
        failing=f"{base_name} and {head_name} have no commit in common; in a shallow clone, get the"
        " commits between them first: git fetch --unshallow",
    )
    base = common.decode().strip()
    with tempfile.TemporaryDirectory(prefix="pwrbot-review-") as temporary:
        root = Path(temporary).resolve()
        _unpack(directory, base, root / "base")
        _unpack(directory, head, root / "head")
        yield (
            Revision(base_name, base, root / "base"),
            Revision(head_name, head, root / "head"),
        )


def _commit(directory: Path, name: str) -> str:
    found = _git(
        directory,
        *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"),
        failing=f"there is no revision {name!r} in this repository; `git fetch` may bring it",
    )
    return found.decode().strip()


def _unpack(directory: Path, commit: str, to: Path) -> None:
    to.mkdir()
    listed = _git(directory, "ls-tree", "--full-tree", "--name-only", "-z", commit)
    parts = [part for part in PARTS if part.encode() in listed.split(b"\0")]
    if not parts:
        return
    top = Path(_git(directory, "rev-parse", "--show-cdup").decode().strip() or ".")
    archive = _git(directory / top, "archive", "--format=tar", commit, "--", *parts)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(to, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise ReviewError(f"{commit[:12]} cannot be unpacked: {error}") from None


def _git(directory: Path, *arguments: str, failing: str = "") -> bytes:
    command = ["git", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise ReviewError("git is not installed, and a review reads revisions by it") from None
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip()
        raise ReviewError(failing or f"git {arguments[0]} failed: {told}")
    return done.stdout

"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pwrbot.repository.whole_file import whole_file


@pytest.fixture(params=["hard links", "none"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A name on a file system with hard links, and on one without."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "none":
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    return tmp_path / "name"


def test_it_bears_its_name_at_the_end(path: Path) -> None:
    with whole_file(path) as part:
        assert part.stat().st_mode & 0o777 == 0o600
        part.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_of_two_at_once_the_first_has_the_name(path: Path) -> None:
    with pytest.raises(FileExistsError), whole_file(path), whole_file(path) as early:
        early.write_text("early")
    assert path.read_text() == "early"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_there_stays(path: Path) -> None:
    path.symlink_to("nowhere")
    with pytest.raises(FileExistsError), whole_file(path):
        pytest.fail("needless work")
    assert list(path.parent.iterdir()) == [path]
    assert path.is_symlink()

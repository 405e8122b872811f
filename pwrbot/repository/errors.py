"""What can go wrong between a method call and its row. The docstring is the default message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pwrbot.errors import PwrbotError


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong in a file, and where."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{_shown(self.path)}:{self.line}: {self.message}"


class DatabaseError(PwrbotError):
    """The database could not do what it was asked."""

    discreet = True


class QueryFileError(DatabaseError):
    """SQL files and Python methods do not agree; nothing was started."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{count} problem{'s' * (count != 1)} in the SQL layer:\n{lines}")


class NoResult(DatabaseError):
    """A statement that always gives a row gave none."""


class TooManyResults(DatabaseError):
    """A statement that gives one row gave several."""


class InvalidValue(DatabaseError):
    """A value cannot be stored: see the message for which and why."""


class DecodeError(DatabaseError):
    """A row does not fit the class it is read into."""


class ConstraintViolation(DatabaseError):
    """The change would break a rule of the schema."""

    def __init__(self, message: str, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint
        """The constraint's name; None where none is named. The same from either engine, but for a
        table that PostgreSQL keeps in partitions: there it is that of the partition.
        """


class UniqueViolation(ConstraintViolation):
    """A row with this key is there already."""


class ForeignKeyViolation(ConstraintViolation):
    """The row refers to one that is not there, or is still referred to."""


class CheckViolation(ConstraintViolation):
    """A value lies outside of what its column allows."""


class NotNullViolation(ConstraintViolation):
    """A column that must have a value was left without."""


class DatabaseBusy(DatabaseError):
    """The database was too busy to answer in time; try again in a moment."""


class DatabaseUnavailable(DatabaseError):
    """The database cannot be reached; check that it runs and that DATABASE_URL is right."""


class DatabaseFull(DatabaseError):
    """There is no room left on the disk of the database; free some, nothing was half-written."""


class DatabaseReadOnly(DatabaseError):
    """The database cannot be written to; check the rights of its file, directory or role."""


class DatabaseCorrupt(DatabaseError):
    """The database is damaged or is none; move it away, restore a backup: `pwrbot restore FILE`."""


def _shown(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path

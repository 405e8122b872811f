"""Whether a transaction can go on: the same rules on both engines."""

from __future__ import annotations

from typing import Final

from pwrbot.repository.errors import DatabaseError

GIVEN_UP: Final = "the transaction was given up after its earlier error; nothing of it is kept"
OVER: Final = "this transaction has ended; use the repository, or begin another"


class TransactionState:
    """What both engines' transactions keep.

    After an error PostgreSQL refuses everything up to the rollback, and a commit keeps nothing
    without saying so. SQLite would go on. Here both refuse, and a block that swallowed the error
    raises at its end; part of a transaction that may fail by itself stands in a nested one.
    """

    def __init__(self) -> None:
        self.failed = False
        self.over = False

    def check(self) -> None:
        """Raise DatabaseError where nothing more can be done in this transaction."""
        if self.over:
            raise DatabaseError(OVER)
        if self.failed:
            raise DatabaseError(GIVEN_UP)

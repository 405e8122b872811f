"""``pwrbot sql review BASE..HEAD``: one page that says what a change of SQL means.

    revisions.py   two revisions of this repository, each unpacked beside the other
    probe.py       asks a revision's own code what its methods and statements are
    snapshot.py    a revision: its statements, what the engines say of them, its schema
    changes.py     two snapshots held against each other
    calls.py       calls of the new code that do not fit its methods
    locks.py       what a migration's statements keep others from doing
    page.py        all of it as Markdown

It reads git only and never touches the work tree. It needs the packages of the extra ``dev``.
"""

from pwrbot.repository.review.command import review, test_server
from pwrbot.repository.review.revisions import ReviewError

__all__ = ["ReviewError", "review", "test_server"]

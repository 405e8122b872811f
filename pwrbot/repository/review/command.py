"""From two revisions to the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.repository.review.changes import compare
from pwrbot.repository.review.page import page
from pwrbot.repository.review.revisions import unpacked
from pwrbot.repository.review.snapshot import take_snapshot
from pwrbot.repository.url import PostgresURL, parse_url


def review(
    given: str,
    environ: Mapping[str, str],
    *,
    directory: Path | None = None,
    limit: int | None = None,
) -> str:
    """The Markdown page about ``BASE..HEAD``: what HEAD changed since it left BASE.

    ``directory`` is somewhere in the repository, the working directory by default. PostgreSQL is
    asked where TEST_DATABASE_URL names one. A page of more than ``limit`` characters is cut short.
    Raises ReviewError where there are no such revisions to compare.
    """
    server = test_server(environ)
    with unpacked(given, directory or Path.cwd()) as (base, head):
        try:
            before, after = (take_snapshot(one.path, server) for one in (base, head))
            note = "" if server else "TEST_DATABASE_URL is not set"
        except DatabaseUnavailable as error:
            before, after = (take_snapshot(one.path, None) for one in (base, head))
            note = str(error)
        if note:
            note = f"PostgreSQL was not asked ({note}): its plans and types are missing here."
        return page(base, head, compare(before, after), note=note, limit=limit)


def test_server(environ: Mapping[str, str]) -> PostgresURL | None:
    """The PostgreSQL to try things on. Raises ConfigError where its URL is none."""
    given = environ.get("TEST_DATABASE_URL")
    url = parse_url(given) if given else None
    return url if isinstance(url, PostgresURL) else None

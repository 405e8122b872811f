"""Statements described by SQLite.

The SQLite that the bot runs on prepares each statement, and its verdict counts. apsw brings one of
its own, newer, and is asked only for what Python's module cannot tell: where a column comes from,
where in the text an error is, and whether a word in double quotes is a column or a typo, which
SQLite would take for a string.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import apsw
import apsw.ext

from pwrbot.repository.engine.describe import DescribedColumn, Description, Refusal

_query_info: Final[Any] = cast("Any", apsw.ext).query_info  # its own types are half unknown

VERSION: Final = ".".join(sqlite3.sqlite_version.split(".")[:2])
"""Of the SQLite the bot runs on; plans may differ from one to the next."""


def describe_sqlite(path: Path, texts: Sequence[str]) -> list[Description | Refusal]:
    """Each statement against the schema of this file, in their order; nothing is run."""
    with closing(sqlite3.connect(path)) as runtime, _metadata(path) as metadata:
        return [_described(runtime, metadata, text) for text in texts]


def run_script(path: Path, script: str) -> None:
    """Make a schema in this file. Raises ValueError."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            connection.executescript(script)
        except sqlite3.Error as error:
            raise ValueError(f"{path}: {error}") from None


def _described(
    runtime: sqlite3.Connection, metadata: apsw.Connection, text: str
) -> Description | Refusal:
    parameters = [None] * len(set(re.findall(r"\?(\d+)", text)))
    try:
        steps = runtime.execute(f"EXPLAIN QUERY PLAN {text}", parameters).fetchall()
    except sqlite3.Error as error:
        return Refusal(str(error), _offset(metadata, text, str(error)))
    plan = tuple(str(step[3]) for step in steps)
    scans = frozenset(found[1] or found[2] for line in plan if (found := _SCAN.match(line)))
    try:
        info = _query_info(metadata, text)
    except apsw.Error as error:
        # The bot's SQLite takes it: a string it should not be, or something this one lacks.
        return Description((), (), None, plan, scans, remarks=(_remark(str(error)),))
    columns = tuple(
        DescribedColumn(name, declared.upper() if declared else None)
        for name, declared, *_ in cast("Sequence[Sequence[str]]", info.description_full or ())
    )
    return Description((), columns, info.is_readonly, plan, scans)


_SCAN = re.compile(r"SCAN (?:TABLE )?(\w+)|SEARCH (\w+) USING AUTOMATIC")
"""From end to end: as it stands, through a whole index, or to build an index on the spot."""


@contextmanager
def _metadata(path: Path) -> Generator[apsw.Connection]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        yield connection
    finally:
        connection.close()


def _offset(metadata: apsw.Connection, text: str, message: str) -> int | None:
    """Where the error is: as apsw says, else where the name that it mentions stands."""
    try:
        _query_info(metadata, text)
    except apsw.Error as error:
        offset: int = getattr(error, "error_offset", -1)
        if offset >= 0:
            return len(text.encode()[:offset].decode(errors="ignore"))
    named = re.search(r"(?:no such \w+|near)\W+([\w.]+)", message)
    place = text.find(named[1]) if named else -1
    return place if place >= 0 else None


def _remark(message: str) -> str:
    if found := re.search(r'no such column: "?([^"]+)"? - should this be a string', message):
        return f'"{found[1]}" is no column, and SQLite takes it for a string: use single quotes'
    if found := re.search(r'no such column: "?([^"]+)', message):
        return f'"{found[1]}" is no column, and SQLite takes it for a string'
    return f"a newer SQLite ({apsw.sqlite_lib_version()}) refuses it: {message}"

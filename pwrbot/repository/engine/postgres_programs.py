"""pg_dump and pg_restore, PostgreSQL's own programs, as they are found on PATH.

Where to connect and as whom is in their environment: the arguments of a program are there for
everybody on the machine to see. Of what they say only the first complaint is passed on: the lines
below it show rows.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pwrbot.repository.errors import DatabaseError
from pwrbot.repository.url import PostgresURL

_VARIABLES: Final = {
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "options": "PGOPTIONS",
    "channel_binding": "PGCHANNELBINDING",
}
"""Arguments of libpq, and the variables that it reads them from."""

_STRONGER: Final = ("PGSERVICE", "PGHOSTADDR")
"""What would lead to another server than these name."""


_FORWARD: Final = 17
"""From this version of the server on newer programs will do. What they write does not go back into
an older server: they set what it does not know.
"""


class ProgramMissing(DatabaseError):
    """A program of PostgreSQL is missing, or is of another version than the server."""


class ProgramFailed(DatabaseError):
    """A program of PostgreSQL gave up; the message is what it said."""


def dump(url: PostgresURL, schema: str, server: int, path: Path) -> None:
    """Write a schema to a file in pg_dump's own format, and read that again to its end.

    ``server`` is the server's major version. Raises ProgramMissing, ProgramFailed.
    """
    _check_version("pg_dump", server)
    _said(
        "pg_dump",
        "--format=custom",
        f'--schema="{schema}"',  # a pattern, but for the quotes
        "--no-password",
        f"--file={path.resolve()}",
        environment=_environment(url),
    )
    _said("pg_restore", f"--file={os.devnull}", str(path.resolve()))


def load(url: PostgresURL, schema: str, server: int, path: Path) -> None:
    """Bring back what is in a schema, all of it or nothing; the schema has to be there, empty.

    Everything belongs to the role of the URL then. Raises ProgramMissing, ProgramFailed.
    """
    _check_version("pg_restore", server)
    _said(
        "pg_restore",
        "--dbname=",  # as the environment says
        f"--schema={schema}",
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        str(path.resolve()),
        environment=_environment(url),
    )


def column_of(path: Path, schema: str, table: str, column: str) -> list[str]:
    """A column of a table as a backup has it; nothing where the table is not in it.

    Raises ProgramMissing; ProgramFailed where the file is no backup.
    """
    text = _said(
        "pg_restore",
        "--data-only",
        f"--schema={schema}",
        f"--table={table}",
        "--file=-",
        str(path.resolve()),
    )
    copy = re.search(r"^COPY [^(]+\(([^)]*)\) FROM stdin;\n(.*?)^\\\.$", text, re.M | re.S)
    if copy is None:
        return []
    place = copy[1].split(", ").index(column)
    return [row.split("\t")[place] for row in copy[2].splitlines()]


def _check_version(program: str, server: int) -> None:
    said = _said(program, "--version")
    found = re.search(r"\) (\d+)", said)
    version = int(found[1]) if found else 0
    if version < server or version > server < _FORWARD:
        raise ProgramMissing(
            f"{program} on PATH is of PostgreSQL {version}, the server of {server}. Install the"
            f" client programs of PostgreSQL {server} (postgresql-client-{server}), and put them"
            " first on PATH."
        )


def _environment(url: PostgresURL) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if name not in _STRONGER}
    given = {_VARIABLES[name]: str(value) for name, value in url.libpq_arguments().items()}
    return rest | given


def _said(program: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> str:
    try:
        done = subprocess.run(
            [program, *arguments],
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise ProgramMissing(
            f"The program {program} is missing. Install the client programs of PostgreSQL in the"
            " server's version (Debian: postgresql-client), and put them on PATH."
        ) from None
    if done.returncode != 0:
        raise ProgramFailed(f"{program}: {_complaint(done.stderr)}")
    return done.stdout


def _complaint(output: str) -> str:
    """The first error, without the host that a connection was refused by."""
    found = re.search(r"error: (.*)", output)
    said = found[1] if found else next(iter(output.splitlines()), "it gave up without a word")
    return said.rpartition("failed: ")[2]

"""The private PostgreSQL: starts for a command, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from tools.postgres import PostgresNotStarted, main, private_postgres

ROOT = Path(__file__).parent.parent.parent

HOLD = """
from tools.postgres import private_postgres
with private_postgres() as url:
    print(url.rpartition(":")[2].partition("/")[0], flush=True)
    input()
"""


def environment() -> dict[str, str]:
    """Ours, without a server that is given, and with what would mislead a server."""
    kept = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    return {**kept, "PYTHONPATH": str(ROOT), "PGPORT": "1", "PGDATA": "/nowhere"}


def listens(port: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_given_server_is_used_as_it_is() -> None:
    with private_postgres({"TEST_DATABASE_URL": "postgresql://given/db"}) as url:
        assert url == "postgresql://given/db"


def test_without_a_command_it_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: python -m tools.postgres" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with (
        pytest.raises(PostgresNotStarted, match=r"pgserver is missing(.|\n)*set TEST_DATABASE_URL"),
        private_postgres({}),
    ):
        pass


def test_a_command_that_can_do_without_runs_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    command = [
        "--",
        sys.executable,
        "-c",
        "import os; exit(7 + ('TEST_DATABASE_URL' in os.environ))",
    ]
    assert main(command) == 1
    assert main(["--optional", *command]) == 7


def test_a_command_gets_a_server() -> None:
    query = (
        "import os, psycopg, sys; c = psycopg.connect(os.environ['TEST_DATABASE_URL']);"
        "sys.exit(c.execute('SELECT 6 * 7').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tools.postgres", "--", sys.executable, "-c", query],
        env=environment(),
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 42


def test_it_dies_with_a_killed_holder() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=environment(),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        port = holder.stdout.readline().strip()
        assert listens(port)
        holder.kill()
    deadline = time.monotonic() + 30
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(port)


def test_data_that_is_kept_is_there_the_next_time() -> None:
    keep = Path(tempfile.mkdtemp(dir="/tmp"))
    keep.chmod(0o755)
    found: list[object] = []
    for statement in ("CREATE TABLE kept AS SELECT 7 AS seven", "SELECT seven FROM kept"):
        with private_postgres({}, keep=keep / "server") as url, psycopg.connect(url) as connection:
            found.append(connection.execute(statement).rowcount)
    shutil.rmtree(keep)

    assert found == [1, 1]

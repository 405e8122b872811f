"""DATABASE_URL, read once: the drivers get arguments, never a URL that they might repeat.

    sqlite:///relative.db      sqlite:////absolute/path.db
    postgresql://user:password@host:port/database?sslmode=require

No message here contains any part of the URL except names of options and the scheme.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from pwrbot.errors import ConfigError

DEFAULT_PORT: Final = 5432


class InvalidDatabaseURL(ConfigError):
    """DATABASE_URL is neither sqlite:///path nor postgresql://user:password@host/database."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"DATABASE_URL cannot be used: {reason}")


class SQLiteURL(msgspec.Struct, frozen=True):
    """A SQLite database file; a relative path counts from the working directory."""

    path: Path


class PostgresURL(msgspec.Struct, frozen=True):
    """A PostgreSQL database, and how to connect to it."""

    user: str
    password: str | None
    hosts: tuple[tuple[str, int], ...]
    """Host name, address or directory of a socket, with its port; the first that answers serves."""

    database: str
    sslmode: str | None = None
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    application_name: str | None = None
    connect_timeout: int | None = None
    """Seconds."""

    target_session_attrs: str | None = None
    options: str | None = None
    channel_binding: str | None = None

    @property
    def host(self) -> str:
        return self.hosts[0][0]

    @property
    def port(self) -> int:
        return self.hosts[0][1]

    def asyncpg_arguments(self) -> dict[str, Any]:
        """Keyword arguments for ``asyncpg.connect`` and ``asyncpg.create_pool``."""
        arguments: dict[str, Any] = {
            "user": self.user,
            "password": self.password,
            "host": [host for host, _ in self.hosts],
            "port": [port for _, port in self.hosts],
            "database": self.database,
            "ssl": self.sslmode,
            "timeout": self.connect_timeout,
            "target_session_attrs": self.target_session_attrs,
            "server_settings": _given(
                {"application_name": self.application_name, "options": self.options}
            ),
            # Certificates are understood in this form only; nothing secret is in it.
            "dsn": self._certificates(),
        }
        return {name: value for name, value in arguments.items() if value not in (None, {})}

    def libpq_arguments(self) -> dict[str, Any]:
        """Keyword arguments for ``psycopg.connect``."""
        return _given(
            {
                "user": self.user,
                "password": self.password,
                "host": ",".join(host for host, _ in self.hosts),
                "port": ",".join(str(port) for _, port in self.hosts),
                "dbname": self.database,
                "sslmode": self.sslmode,
                "sslrootcert": self.sslrootcert,
                "sslcert": self.sslcert,
                "sslkey": self.sslkey,
                "application_name": self.application_name,
                "connect_timeout": self.connect_timeout,
                "target_session_attrs": self.target_session_attrs,
                "options": self.options,
                "channel_binding": self.channel_binding,
            }
        )

    def _certificates(self) -> str | None:
        files = _given(
            {"sslrootcert": self.sslrootcert, "sslcert": self.sslcert, "sslkey": self.sslkey}
        )
        if not files:
            return None
        return "postgresql://?" + "&".join(
            f"{name}={_quoted(path)}" for name, path in files.items()
        )

    def __repr__(self) -> str:
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        secret = "" if self.password is None else ":***"
        return f"PostgresURL({self.user}{secret}@{hosts}/{self.database})"

    __str__ = __repr__


def parse_url(text: str) -> SQLiteURL | PostgresURL:
    """What DATABASE_URL says; raises InvalidDatabaseURL, whose text never repeats the URL."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        raise InvalidDatabaseURL(
            "it has no scheme; write sqlite:///path or postgresql://user:password@host/database."
        )
    if any(character.isspace() or not character.isprintable() for character in rest):
        raise InvalidDatabaseURL(
            "there is white space or a control character in it; write it as %20 and the like."
        )
    match scheme.lower():
        case "sqlite":
            return _sqlite(rest)
        case "postgresql" | "postgres":
            return _postgres(rest)
        case other if _SCHEME.fullmatch(other):
            raise InvalidDatabaseURL(
                f"the scheme {other} is not known; it must be sqlite or postgresql."
            )
        case _:
            raise InvalidDatabaseURL("its scheme must be sqlite or postgresql.")


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}")
_ESCAPE = "If the user or the password contains one of : / ? # @ % write it percent-encoded."
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SESSIONS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_BINDINGS = ("disable", "prefer")
_FILES = ("sslrootcert", "sslcert", "sslkey")
_ADDRESS = ("host", "port", "user", "password", "dbname")
_FREE = ("application_name", "options")
_CHOICES = {
    "sslmode": _SSL_MODES,
    "target_session_attrs": _SESSIONS,
    "channel_binding": _BINDINGS,
}
_OPTIONS = (*_ADDRESS, *_CHOICES, *_FILES, *_FREE, "connect_timeout")


def _sqlite(rest: str) -> SQLiteURL:
    if "?" in rest or "#" in rest:
        raise InvalidDatabaseURL(
            "sqlite takes no options; a ? or # in the path is written %3F or %23."
        )
    host, slash, name = rest.partition("/")
    if host or not slash:
        raise InvalidDatabaseURL(
            "after sqlite: come three slashes and a path (sqlite:///pwrbot.db),"
            " four for an absolute one (sqlite:////var/lib/pwrbot/pwrbot.db)."
        )
    path = _decoded(name)
    if not path:
        raise InvalidDatabaseURL("it names no file; write sqlite:///pwrbot.db.")
    if path.startswith(":memory:"):
        raise InvalidDatabaseURL(
            "a database in memory is a different, empty one for each connection, and nothing in it"
            " would be kept; name a file."
        )
    if path.startswith("~"):
        raise InvalidDatabaseURL("~ is not expanded; write the whole path.")
    if path.endswith(("/", "/.", "/..")) or path in (".", ".."):
        raise InvalidDatabaseURL("it names a directory; add the name of the file.")
    return SQLiteURL(Path(path))


def _postgres(rest: str) -> PostgresURL:
    if "#" in rest:
        raise InvalidDatabaseURL(f"there is a # in it. {_ESCAPE}")
    address, _, query = rest.partition("?")
    authority, _, path = address.partition("/")
    if authority.count("@") > 1 or "@" in path or "/" in path:
        raise InvalidDatabaseURL(f"it has an @ or a / too many. {_ESCAPE}")
    credentials, _, places = authority.rpartition("@")
    user, colon, password = credentials.partition(":")
    options = _options(query)

    def one(name: str, in_address: str) -> str | None:
        in_query = options.pop(name, None)
        if in_address and in_query is not None:
            raise InvalidDatabaseURL(f"it gives the {name} twice.")
        return in_query if in_query is not None else _decoded(in_address) or None

    found_user = one("user", user)
    found_password = one("password", password if colon else "")
    database = one("dbname", path)
    hosts = _hosts(places, options.pop("host", None), options.pop("port", None))
    if not found_user:
        raise InvalidDatabaseURL(
            "it names no user; write postgresql://user:password@host/database."
        )
    if not database:
        raise InvalidDatabaseURL(
            "it names no database; write postgresql://user:password@host/database."
        )
    seconds = options.pop("connect_timeout", None)
    return PostgresURL(
        user=found_user,
        password=found_password,
        hosts=hosts,
        database=database,
        connect_timeout=None if seconds is None else _number("connect_timeout", seconds, 3600),
        **options,
    )


def _options(query: str) -> dict[str, str]:
    """The options after the question mark: known ones, each once, with a value that is allowed."""
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, raw = part.partition("=")
        value = _decoded(raw)
        if name not in _OPTIONS:
            # After an unescaped ? in a password comes the @: then this may be a part of it.
            named = f" {name}" if re.fullmatch(r"[a-z_]{1,40}", name) and "@" not in query else ""
            known = ", ".join(sorted(_OPTIONS))
            raise InvalidDatabaseURL(f"the option{named} is not known; known: {known}. {_ESCAPE}")
        if name in options:
            raise InvalidDatabaseURL(f"it gives the option {name} twice.")
        if not value:
            raise InvalidDatabaseURL(f"its option {name} has no value.")
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            raise InvalidDatabaseURL(f"its option {name} must be one of {', '.join(choices)}.")
        if name in _FILES and not Path(value).is_file():
            raise InvalidDatabaseURL(f"its option {name} does not name a file that is there.")
        options[name] = value
    return options


def _hosts(places: str, host: str | None, port: str | None) -> tuple[tuple[str, int], ...]:
    """Hosts from user@HERE, or from ?host=; a port that is not given is 5432."""
    ports = None if port is None else [_number("port", one, 65535) for one in port.split(",")]
    if host is not None:
        if places.strip(",").split(":")[0]:
            raise InvalidDatabaseURL("it gives the host twice.")
        names: list[tuple[str, int | None]] = [(name, None) for name in host.split(",")]
        if places.startswith(":"):
            if ports is not None:
                raise InvalidDatabaseURL("it gives the port twice.")
            ports = [_number("port", places[1:], 65535)]
    else:
        names = [_place(place) for place in places.split(",")]
    if not all(name for name, _ in names):
        raise InvalidDatabaseURL(
            "it names no host; write postgresql://user:password@host/database."
        )
    if ports is None:
        return tuple((name, number or DEFAULT_PORT) for name, number in names)
    if any(number is not None for _, number in names):
        raise InvalidDatabaseURL("it gives the port twice.")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise InvalidDatabaseURL("it gives more or fewer ports than hosts.")
    return tuple((name, number) for (name, _), number in zip(names, ports, strict=True))


def _place(place: str) -> tuple[str, int | None]:
    """``host``, ``host:port`` or ``[address]:port``."""
    if place.startswith("["):
        name, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise InvalidDatabaseURL("its address in brackets is not closed or not followed by :.")
        port = port[1:]
    else:
        name, _, port = place.partition(":")
    return _decoded(name), _number("port", port, 65535) if port else None


def _number(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise InvalidDatabaseURL(f"its {name} must be a number from 1 to {most}. {_ESCAPE}")
    return int(text)


def _decoded(text: str) -> str:
    """Percent-decoded; a plus sign is a plus sign."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise InvalidDatabaseURL(f"a % in it is not followed by two hexadecimal digits. {_ESCAPE}")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidDatabaseURL("what is percent-encoded in it is not UTF-8.") from None
    if "\0" in decoded:
        raise InvalidDatabaseURL("it contains a zero byte.")
    return decoded


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

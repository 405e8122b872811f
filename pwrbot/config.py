"""The settings: read from the environment, checked all at once, documented in ``.env.example``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from pwrbot.errors import ConfigError
from pwrbot.feeds.allowed import AllowedHosts
from pwrbot.shards import Shards, parse_shards

T = TypeVar("T")

AutoMigrate = Literal["safe", "on", "off"]
CommandSync = Literal["changed", "always", "off"]
LogFormat = Literal["auto", "console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

DISCORD_API_URL: Final = "https://discord.com/api/v10"

NO_TOKEN: Final = """\
There is no Discord token, so the bot cannot sign in. Three steps:
  1. Open https://discord.com/developers/applications and choose your application ("New
     Application" makes one).
  2. Under "Bot", press "Reset Token" and copy what it shows.
  3. Put it into the file .env here, as a line DISCORD_TOKEN=..., or into the environment; or write
     it to a file of its own and name that file in DISCORD_TOKEN_FILE.
To see the bot at work without a token: make demo"""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, checked. Its repr shows no secret."""

    discord_token: str | None
    discord_api_url: str
    """The REST base with its version, without a slash at the end."""
    database_url: str
    """Holds a password, perhaps."""
    database_schema: str
    """PostgreSQL only; a plain lower-case identifier."""
    database_pool_min: int
    database_pool_max: int
    database_timeout_seconds: float
    """How long a statement may wait for a connection, and then for its answer."""
    database_pgbouncer: bool
    """Behind PgBouncer with transaction pooling: prepare no statements."""
    auto_migrate: AutoMigrate
    """Whether to migrate on boot; safe: nothing destructive without a fresh backup."""
    data_dir: Path
    backup_dir: Path
    command_sync: CommandSync
    shards: Shards | None
    """This process's part of the bot; None: it is all of it, in as many as Discord advises."""
    voice_heartbeat_seconds: float
    voice_reconcile_seconds: float
    default_timezone: str
    """IANA name, known to zoneinfo."""
    feeds_enabled: bool
    """Whether this process polls feeds and sends what is new in them."""
    feed_min_interval_seconds: int
    feed_max_interval_seconds: int
    """Bounds of the time between two polls of a feed that works."""
    feed_retention_days: int
    """How long items, and what became of them, are kept."""
    feed_allowed_hosts: AllowedHosts
    """What feeds may be fetched from beyond the public internet."""
    feed_endpoints: dict[str, str]
    """Base URLs by platform_id, in place of the sources' own."""
    slow_query_ms: int
    log_level: LogLevel
    log_format: LogFormat
    dev: bool
    """Take up edited .sql files while the bot runs."""
    warnings: tuple[str, ...] = ()
    """What to tell the operator once the log is up: settings read by an old name."""

    def require_token(self) -> str:
        """The token; raises ConfigError with what to do where there is none."""
        if self.discord_token is None:
            raise ConfigError(NO_TOKEN)
        return self.discord_token

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a log: the token, and the database's password."""
        password = _URL_PASSWORD.match(self.database_url)
        found = [self.discord_token]
        if password is not None:
            found += [password[1], unquote(password[1])]
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if name in _SECRET and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Config({', '.join(shown)})"


def load_config(environ: Mapping[str, str]) -> Config:
    """The settings that the environment gives; an empty variable is as good as none.

    Raises ConfigError that lists every problem, each with the variable and what it takes.
    """
    read = _Reader(environ)
    data_dir = read.setting("DATA_DIR", Path, Path("data"), old="DATA_PATH")
    pool_min = read.setting("DATABASE_POOL_MIN", _whole(0, 1000), 1)
    pool_max = read.setting("DATABASE_POOL_MAX", _whole(1, 1000), 10)
    if pool_min > pool_max:
        read.problem("DATABASE_POOL_MIN", f"must not be above DATABASE_POOL_MAX ({pool_max})")
    database_url = read.secret("DATABASE_URL", _database_url, old="DB_URL")
    shards = read.setting("SHARDS", _shards, None)
    if shards is not None and not re.match("postgres", database_url or "", re.IGNORECASE):
        read.problem(
            "SHARDS",
            "needs PostgreSQL, which several processes can use at once: set DATABASE_URL to one"
            " (docs/fleet.md), or leave SHARDS out",
        )
    feed_min = read.setting("FEED_MIN_INTERVAL_SECONDS", _whole(1, 86_400), 300)
    feed_max = read.setting("FEED_MAX_INTERVAL_SECONDS", _whole(1, 86_400), 21_600)
    if feed_min > feed_max:
        read.problem(
            "FEED_MIN_INTERVAL_SECONDS",
            f"must not be above FEED_MAX_INTERVAL_SECONDS ({feed_max})",
        )
    config = Config(
        discord_token=read.secret("DISCORD_TOKEN", _token),
        discord_api_url=read.setting("DISCORD_API_URL", _web_address, DISCORD_API_URL),
        database_url=database_url or f"sqlite:///{quote(str(data_dir / 'pwrbot.db'))}",
        database_schema=read.setting("DATABASE_SCHEMA", _identifier, "pwrbot"),
        database_pool_min=pool_min,
        database_pool_max=pool_max,
        database_timeout_seconds=read.setting("DATABASE_TIMEOUT_SECONDS", _seconds(0.1), 10.0),
        database_pgbouncer=read.setting("DATABASE_PGBOUNCER", _switch, False),
        auto_migrate=read.setting("AUTO_MIGRATE", _auto_migrate, "safe"),
        data_dir=data_dir,
        backup_dir=read.setting("BACKUP_DIR", Path, data_dir / "backups"),
        command_sync=read.setting("COMMAND_SYNC", _command_sync, "changed"),
        shards=shards,
        voice_heartbeat_seconds=read.setting("VOICE_HEARTBEAT_SECONDS", _seconds(0.1), 10.0),
        voice_reconcile_seconds=read.setting("VOICE_RECONCILE_SECONDS", _seconds(0.1), 60.0),
        default_timezone=read.setting("DEFAULT_TIMEZONE", _zone, "UTC"),
        feeds_enabled=read.setting("FEEDS_ENABLED", _switch, True),
        feed_min_interval_seconds=feed_min,
        feed_max_interval_seconds=feed_max,
        feed_retention_days=read.setting("FEED_RETENTION_DAYS", _whole(7, 36_500), 90),
        feed_allowed_hosts=read.setting("FEED_ALLOWED_HOSTS", _hosts, AllowedHosts()),
        feed_endpoints=read.setting("FEED_ENDPOINTS", _endpoints, {}),
        slow_query_ms=read.setting("SLOW_QUERY_MS", _whole(0, 3_600_000), 250),
        log_level=read.setting("LOG_LEVEL", _log_level, "INFO"),
        log_format=read.setting("LOG_FORMAT", _log_format, "auto"),
        dev=read.setting("PWRBOT_DEV", _switch, False),
        warnings=tuple(read.warnings),
    )
    if read.problems:
        raise ConfigError("\n".join(["These settings are wrong:", *read.problems]))
    return config


_COMMAND_SYNCS: Final[tuple[CommandSync, ...]] = get_args(CommandSync)
_LOG_FORMATS: Final[tuple[LogFormat, ...]] = get_args(LogFormat)
_LOG_LEVELS: Final[tuple[LogLevel, ...]] = get_args(LogLevel)

_SECRET: Final = frozenset({"discord_token", "database_url"})
_URL_PASSWORD: Final = re.compile(r"[^:/?#]+://[^:/?#@]*:(.+)@")


class _Reader:
    """Reads one variable after the other, and keeps what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = {name: value.strip() for name, value in environ.items()}
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def setting(
        self, name: str, parse: Callable[[str], T], default: T, *, old: str | None = None
    ) -> T:
        """The variable's value by ``parse``, whose ValueError says what the variable takes."""
        text = self._text(name, old)
        return default if text is None else self._parsed(name, text, parse, default)

    def secret(
        self, name: str, parse: Callable[[str], str], *, old: str | None = None
    ) -> str | None:
        """As ``setting``; the value may stand in the file that ``NAME_FILE`` names."""
        text = self._text(name, old)
        path = self._text(f"{name}_FILE", None)
        if text is not None and path is not None:
            self.problem(name, f"stands beside {name}_FILE: set one of them")
        if path is not None:
            try:
                text = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not text"
                self.problem(f"{name}_FILE", f"names a file that cannot be read: {reason}")
                return None
            if not text:
                self.problem(f"{name}_FILE", "names an empty file: write the value into it")
                return None
        return None if text is None else self._parsed(name, text, parse, None)

    def problem(self, name: str, what: str) -> None:
        self.problems.append(f"  {name} {what}.")

    def _text(self, name: str, old: str | None) -> str | None:
        if text := self.environ.get(name):
            return text
        if old is None or not (text := self.environ.get(old)):
            return None
        self.warnings.append(f"{old} is the old name of {name}: rename it.")
        return text

    def _parsed(self, name: str, text: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(text)
        except ValueError as error:
            self.problem(name, str(error))
            return default


def _token(text: str) -> str:
    if text.lower().startswith("bot "):
        raise ValueError('takes the token alone, without "Bot" before it')
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("has a space or a letter that no token has: copy the token once more")
    return text


def _database_url(text: str) -> str:
    if not re.match(r"(sqlite|postgres|postgresql)://", text, re.IGNORECASE):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return text


def _web_address(text: str) -> str:
    wrong = f"must be an address such as {DISCORD_API_URL}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(wrong)
    return text.rstrip("/")


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text) or text.startswith("pg_"):
        raise ValueError(
            "must be a name of up to 63 of a-z, 0-9 and _, not beginning with a digit or pg_"
        )
    return text


def _switch(text: str) -> bool:
    if text.lower() in ("on", "true", "yes", "1"):
        return True
    if text.lower() in ("off", "false", "no", "0"):
        return False
    raise ValueError("must be on or off")


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, not a name, a directory of the zones
        raise ValueError("must be a time zone's IANA name, such as Europe/Berlin or UTC") from None
    return text


def _hosts(text: str) -> AllowedHosts:
    return AllowedHosts.parse(text.split(","))


def _endpoints(text: str) -> dict[str, str]:
    found = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, equals, address = entry.partition("=")
        if not equals:
            raise ValueError("takes entries such as anilist=https://proxy.example/anilist")
        found[name.strip().lower()] = _web_address(address.strip())
    return found


def _auto_migrate(text: str) -> AutoMigrate:
    if text.lower() == "safe":
        return "safe"
    try:
        return "on" if _switch(text) else "off"
    except ValueError:
        raise ValueError("must be one of safe, on, off") from None


def _command_sync(text: str) -> CommandSync:
    return _choice(text.lower(), _COMMAND_SYNCS)


def _shards(text: str) -> Shards | None:
    return parse_shards(text)


def _log_format(text: str) -> LogFormat:
    return _choice(text.lower(), _LOG_FORMATS)


def _log_level(text: str) -> LogLevel:
    return _choice(text.upper(), _LOG_LEVELS)


def _choice(text: str, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if choice == text:
            return choice
    raise ValueError(f"must be one of {', '.join(map(str, choices))}")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"must be a whole number from {least} to {most}")

    return parse


def _seconds(least: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) and least <= float(text) <= 86_400:
            return float(text)
        raise ValueError(f"must be seconds, from {least:g} to 86400")

    return parse

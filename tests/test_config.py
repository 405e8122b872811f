"""Settings: every problem at once, no secret shown, nothing undocumented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pwrbot.config import Config, load_config
from pwrbot.env_file import with_env_file
from pwrbot.errors import ConfigError
from pwrbot.shards import Shards

ROOT = Path(__file__).parent.parent


def problems_of(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(environ)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults() -> None:
    config = load_config({})

    assert config.discord_token is None
    assert config.discord_api_url == "https://discord.com/api/v10"
    assert config.database_url == "sqlite:///data/pwrbot.db"
    assert config.database_schema == "pwrbot"
    assert (config.database_pool_min, config.database_pool_max) == (1, 10)
    assert config.auto_migrate == "safe"
    assert not config.database_pgbouncer
    assert config.backup_dir == Path("data/backups")
    assert config.command_sync == "changed"
    assert config.default_timezone == "UTC"
    assert config.warnings == ()
    assert config.secrets == ()


def test_values() -> None:
    config = load_config(
        {
            "DISCORD_API_URL": "http://127.0.0.1:8080/api/v10/",
            "DATABASE_PGBOUNCER": "Yes",
            "AUTO_MIGRATE": "off",
            "DATA_DIR": "/srv/my bot",
            "COMMAND_SYNC": "ALWAYS",
            "VOICE_HEARTBEAT_SECONDS": "0.5",
            "DEFAULT_TIMEZONE": "Europe/Berlin",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": " json ",
        }
    )

    assert config.discord_api_url == "http://127.0.0.1:8080/api/v10"
    assert config.database_pgbouncer
    assert config.auto_migrate == "off"
    assert config.database_url == "sqlite:////srv/my%20bot/pwrbot.db"
    assert config.backup_dir == Path("/srv/my bot/backups")
    assert config.command_sync == "always"
    assert config.voice_heartbeat_seconds == 0.5
    assert config.default_timezone == "Europe/Berlin"
    assert config.log_level == "DEBUG"
    assert config.log_format == "json"


def test_hosts_that_feeds_may_come_from() -> None:
    config = load_config(
        {
            "FEED_ALLOWED_HOSTS": "news.home.arpa, 192.168.1.20:3000,10.1.0.0/16",
            "FEED_ENDPOINTS": "AniList = https://proxy.example/anilist/,youtube=http://127.0.0.1:1",
        }
    )

    assert config.feed_allowed_hosts.has_host("192.168.1.20", 3000)
    assert config.feed_endpoints == {
        "anilist": "https://proxy.example/anilist",
        "youtube": "http://127.0.0.1:1",
    }
    assert "takes hosts" in problems_of({"FEED_ALLOWED_HOSTS": "http://x"})
    assert "takes entries" in problems_of({"FEED_ENDPOINTS": "anilist"})
    assert "must be an address" in problems_of({"FEED_ENDPOINTS": "anilist=proxy.example"})


@pytest.mark.parametrize(
    ("text", "meant"), [("SAFE", "safe"), ("on", "on"), ("true", "on"), ("0", "off")]
)
def test_auto_migrate(text: str, meant: str) -> None:
    assert load_config({"AUTO_MIGRATE": text}).auto_migrate == meant


def test_auto_migrate_is_none_of_these() -> None:
    assert "AUTO_MIGRATE must be one of safe, on, off" in problems_of({"AUTO_MIGRATE": "perhaps"})


def test_shards() -> None:
    config = load_config({"SHARDS": "0-3/16", "DATABASE_URL": "postgresql://u:p@h/d"})
    assert config.shards == Shards((0, 1, 2, 3), 16)
    assert load_config({}).shards is None


@pytest.mark.parametrize("url", ["", "sqlite:///bot.db"])
def test_shards_need_postgresql(url: str) -> None:
    text = problems_of({"SHARDS": "0-3/16", "DATABASE_URL": url})
    assert "SHARDS needs PostgreSQL" in text
    assert "set DATABASE_URL to one" in text


def test_wrong_shards_are_named() -> None:
    text = problems_of({"SHARDS": "16/16", "DATABASE_URL": "postgresql://h/d"})
    assert "  SHARDS goes beyond the last of 16 shards, which is 15: 16." in text


def test_an_empty_variable_is_none() -> None:
    assert load_config({"DATABASE_URL": "", "DATABASE_POOL_MAX": " "}) == load_config({})


def test_all_problems_are_listed_at_once() -> None:
    text = problems_of(
        {
            "DISCORD_TOKEN": "Bot abc",
            "DATABASE_URL": "mysql://u:hunter2@h/d",
            "DATABASE_SCHEMA": "Pwr; DROP",
            "DATABASE_POOL_MAX": "0",
            "DATABASE_TIMEOUT_SECONDS": "soon",
            "DATABASE_PGBOUNCER": "maybe",
            "COMMAND_SYNC": "sometimes",
            "DEFAULT_TIMEZONE": "Mars/Olympus",
            "DISCORD_API_URL": "discord.com",
            "LOG_LEVEL": "loud",
        }
    )

    for name in (
        "DISCORD_TOKEN",
        "DATABASE_URL",
        "DATABASE_SCHEMA",
        "DATABASE_POOL_MAX must be a whole number from 1 to 1000",
        "DATABASE_TIMEOUT_SECONDS must be seconds",
        "DATABASE_PGBOUNCER must be on or off",
        "COMMAND_SYNC must be one of changed, always, off",
        "DEFAULT_TIMEZONE must be a time zone's IANA name",
        "DISCORD_API_URL must be an address",
        "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR",
    ):
        assert f"  {name}" in text
    assert "hunter2" not in text


def test_the_pool_cannot_keep_more_than_it_may_have() -> None:
    text = problems_of({"DATABASE_POOL_MIN": "5", "DATABASE_POOL_MAX": "4"})

    assert "DATABASE_POOL_MIN must not be above DATABASE_POOL_MAX (4)" in text


@pytest.mark.parametrize(
    "zone", ["Nowhere", "../../etc/passwd", "/etc/localtime", "America", "x" * 999]
)
def test_unknown_time_zones(zone: str) -> None:
    assert "DEFAULT_TIMEZONE" in problems_of({"DEFAULT_TIMEZONE": zone})


def test_secrets_from_files(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abc.def.ghi\n")
    url = tmp_path / "url"
    url.write_text("postgresql://u:p%40ss@h/d\n")

    config = load_config({"DISCORD_TOKEN_FILE": str(token), "DATABASE_URL_FILE": str(url)})

    assert config.require_token() == "abc.def.ghi"
    assert config.database_url == "postgresql://u:p%40ss@h/d"
    assert config.secrets == ("abc.def.ghi", "p%40ss", "p@ss")


def test_a_secret_file_that_is_no_use(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    assert "DISCORD_TOKEN_FILE names a file that cannot be read" in problems_of(
        {"DISCORD_TOKEN_FILE": str(tmp_path / "missing")}
    )
    assert "DISCORD_TOKEN_FILE names an empty file" in problems_of(
        {"DISCORD_TOKEN_FILE": str(empty)}
    )
    assert "DATABASE_URL stands beside DATABASE_URL_FILE" in problems_of(
        {"DATABASE_URL": "sqlite:///a.db", "DATABASE_URL_FILE": str(empty)}
    )


def test_without_a_token_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({}).require_token()

    assert caught.value.exit_code == 2
    for part in ("discord.com/developers", "Reset Token", "DISCORD_TOKEN=", "DISCORD_TOKEN_FILE"):
        assert part in str(caught.value)


def test_old_names_are_read_with_a_warning() -> None:
    config = load_config({"DB_URL": "postgres://h/d", "DATA_PATH": "files"})

    assert config.database_url == "postgres://h/d"
    assert config.data_dir == Path("files")
    assert config.warnings == (
        "DATA_PATH is the old name of DATA_DIR: rename it.",
        "DB_URL is the old name of DATABASE_URL: rename it.",
    )


def test_a_new_name_goes_before_an_old_one() -> None:
    config = load_config({"DATA_PATH": "old", "DATA_DIR": "new"})

    assert config.data_dir == Path("new")
    assert config.warnings == ()


def test_repr_shows_no_secret() -> None:
    config = load_config({"DISCORD_TOKEN": "abc.def.ghi", "DATABASE_URL": "postgres://u:pw@h/d"})

    assert "abc.def.ghi" not in f"{config!r} {config}"
    assert "pw@h" not in f"{config!r} {config}"
    assert "database_schema='pwrbot'" in repr(config)


def test_env_example_names_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    monkeypatch.setattr("pwrbot.config._Reader._text", lambda _, name, old: asked.add(name))
    load_config({})

    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"(?m)^#?([A-Z_]+)=", example)) == asked
    assert len(asked) >= len(Config.__struct_fields__) - 1


def test_env_example_shows_the_defaults(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = re.sub(r"(?m)^#([A-Z_]+=)", r"\1", re.sub(r"(?m)^#[A-Z_]+_FILE=.*$", "", example))
    (tmp_path / ".env").write_text(shown)

    assert load_config(with_env_file({}, tmp_path / ".env")) == load_config({})


def test_env_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\n\nA=1\nexport B = two words # a comment\nC='a # b'\nD=\"x\" # c\n"
        "E=\nF=a#b\nG=postgres://u:p=w@h/d?x=1\n"
    )

    assert with_env_file({"A": "9"}, path) == {
        "A": "9",
        "B": "two words",
        "C": "a # b",
        "D": "x",
        "E": "",
        "F": "a#b",
        "G": "postgres://u:p=w@h/d?x=1",
    }


def test_no_env_file(tmp_path: Path) -> None:
    assert with_env_file({"A": "9"}, tmp_path / ".env") == {"A": "9"}


def test_a_broken_env_file_is_named_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nhunter2\nB='open\nC='a' b\n")

    with pytest.raises(ConfigError) as caught:
        with_env_file({}, path)

    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{path}:2",
        f"{path}:3",
        f"{path}:4",
    ]
    assert "hunter2" not in str(caught.value)


def test_an_env_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        with_env_file({}, tmp_path)

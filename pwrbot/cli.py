"""The command line: ``pwrbot run``, ``migrate``, ``sql show`` and the rest.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused to protect the data.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import structlog

from pwrbot import __version__
from pwrbot.config import Config, load_config
from pwrbot.env_file import with_env_file
from pwrbot.errors import ConfigError, PwrbotError
from pwrbot.logging import configure_logging, log_uncaught_exceptions

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    from pwrbot.repository.url import PostgresURL, SQLiteURL


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return what the process should exit with."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()  # here, where a reader that went away is no error
        return code
    except PwrbotError as error:
        print(f"pwrbot: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads our output went away (`pwrbot sql list | head`): not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pwrbot",
        description="A self-hosted Discord bot: voice time, who talks with whom, feeds.",
        epilog="Settings are environment variables: see README and .env.example.",
    )
    parser.add_argument("--version", action="version", version=f"pwrbot {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add(commands, "run", _run, "start the bot")
    _add(commands, "demo", _demo, "watch the bot at work, without a token or a server")
    migrate = _add(commands, "migrate", _migrate, "bring the database to this version's schema")
    migrate.add_argument("--to", metavar="NUMBER", help="stop after this migration, such as 0007")
    rollback = _add(commands, "rollback", _rollback, "undo the last migration steps")
    rollback.add_argument("--steps", type=_positive, default=1, help="how many (default: 1)")
    rollback.add_argument(
        "--without-backup",
        action="store_true",
        help="PostgreSQL: even if it loses rows and BACKUP_DIR has no new backup",
    )
    _add(commands, "status", _status, "show which migrations are applied, pending or edited")
    backup = _add(commands, "backup", _backup, "write a backup, while the bot runs or not")
    backup.add_argument(
        "target",
        nargs="?",
        metavar="FILE_OR_DIR",
        help="a new file with a suffix, or a directory that is there (default: BACKUP_DIR)",
    )
    restore = _add(commands, "restore", _restore, "bring a backup back into an empty database")
    restore.add_argument("source", type=Path, metavar="FILE", help="what `pwrbot backup` wrote")
    _add(commands, "vacuum", _vacuum, "give back the room that deleted rows took")
    forget = _add(commands, "forget", _forget, "take away all that is kept about a user")
    forget.add_argument(
        "--user", type=_positive, required=True, metavar="ID", help="the user's Discord id"
    )
    doctor = _add(commands, "doctor", _doctor, "hold the voice totals against the sessions")
    doctor.add_argument("--mend", action="store_true", help="make wrong ones anew")
    new = _add(commands, "new-migration", _new_migration, "make the four files of a migration")
    new.add_argument("name", help="what it does, in lower_snake_case")
    schema = _add(commands, "schema", _schema, "write sql/schema/*.sql from the migrations")
    schema.add_argument("--check", action="store_true", help="fail where they are stale")

    bring = commands.add_parser("import", help="bring along what another bot kept")
    bring_commands = bring.add_subparsers(title="from", metavar="BOT", required=True)
    pwr_bot = _add(bring_commands, "pwr-bot", _import_pwr_bot, "bring along a database of pwr-bot")
    pwr_bot.add_argument(
        "source", metavar="SOURCE", help="its SQLite file, or the postgresql:// URL of its database"
    )
    pwr_bot.add_argument("--dry-run", action="store_true", help="write nothing, tell what would be")
    pwr_bot.add_argument("--report", type=Path, metavar="FILE", help="keep the report in a file")

    sql = commands.add_parser("sql", help="look at the statements the bot runs")
    sql_commands = sql.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(sql_commands, "list", _sql_list, "name every statement")
    show = _add(sql_commands, "show", _sql_show, "print a statement exactly as it will run")
    show.add_argument("name", help="for example voice_sessions.leaderboard")
    show.add_argument("--engine", choices=("sqlite", "postgres"), help="default: both")
    check = _add(sql_commands, "check", _sql_check, "check every statement on both engines")
    check.add_argument("--format", choices=("text", "github"), default="text")
    check.add_argument("--offline", action="store_true", help="PostgreSQL as it was recorded")
    _add(sql_commands, "prepare", _sql_prepare, "record what both engines say: sql/prepared")
    run = _add(sql_commands, "run", _sql_run, "run a query that only reads, and print its rows")
    run.add_argument("name", help="for example voice_sessions.leaderboard")
    run.add_argument(
        "arguments", nargs="*", default=[], metavar="key=value", help="each of its parameters"
    )
    run.add_argument("--json", action="store_true", help="print JSON instead of a table")
    _add(sql_commands, "release", _sql_release, "keep this version's statements: sql/released")
    review = _add(sql_commands, "review", _sql_review, "say what a change of SQL means: Markdown")
    review.add_argument("range", metavar="BASE..HEAD", help="two revisions of git")
    review.add_argument("--limit", type=_positive, help="cut the page down to this many characters")
    return parser


def _add(
    commands: _Commands, name: str, function: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=function)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is needed, not {text!r}")
    return int(text)


def _configured(log_to: TextIO | None = None) -> Config:
    """The settings of the environment and .env, with logging set up by them.

    That goes to standard error: what a command prints is its answer, maybe for another program.
    """
    config = load_config(with_env_file(os.environ))
    out = log_to or sys.stderr
    configure_logging(config.log_level, config.log_format, out, secrets=config.secrets)
    log_uncaught_exceptions()
    for warning in config.warnings:
        structlog.get_logger(__name__).warning("old_setting", message=warning)
    return config


def _database(config: Config) -> SQLiteURL | PostgresURL:
    from pwrbot.repository.url import parse_url

    return parse_url(config.database_url)


def _run(options: argparse.Namespace) -> int:
    config = _configured(sys.stdout)
    config.require_token()
    from pwrbot.database import open_database
    from pwrbot.run import run_bot

    return asyncio.run(run_bot(config, partial(open_database, config)))


def _demo(options: argparse.Namespace) -> int:
    from pwrbot.demo import run_demo

    return asyncio.run(run_demo())


def _migrate(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.repository.migrations import migrate

    applied = migrate(
        _database(config),
        to=options.to,
        schema=config.database_schema,
        backup_dir=config.backup_dir,
    )
    done = f"the schema is {f'at {options.to}' if options.to else 'current'}."
    print(f"Applied: {', '.join(applied)}" if applied else f"Nothing to do: {done}")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.upkeep import roll_back

    undone = roll_back(config, options.steps, careful=not options.without_backup)
    print(f"Rolled back: {', '.join(undone)}" if undone else "Nothing to roll back.")
    return 0


def _status(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.repository.migrations import status

    report = status(_database(config), schema=config.database_schema)
    for migration in report.migrations:
        when = f"{migration.applied_at:%Y-%m-%d %H:%M:%S} UTC" if migration.applied_at else ""
        print(f"{migration.state:8}  {migration.id:30}  {when}".rstrip())
    if not report.ok:
        print(
            "Not in order. edited: its statements are not those that were applied; put them back "
            "and write a new migration. unknown: a newer pwrbot applied it; start that one.",
            file=sys.stderr,
        )
    return 0 if report.ok else 1


def _backup(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.repository.backups import backup

    path = backup(
        _database(config),
        options.target,
        schema=config.database_schema,
        backup_dir=config.backup_dir,
    )
    print(path)
    return 0


def _restore(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.upkeep import bring_back

    report = bring_back(config, options.source)
    print(f"Restored {options.source}, as of {report.version}.")
    if report.pending:
        print(f"Still to come, when the bot starts: {', '.join(report.pending)}.")
    return 0


def _vacuum(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.upkeep import tidy

    tidy(config)
    print("Done.")
    return 0


def _forget(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.upkeep import forget

    rows = asyncio.run(forget(config, options.user))
    found = ", ".join(f"{count} of {table}" for table, count in rows.items() if count)
    print(f"Taken away: {found}." if found else "Nothing is kept about this user.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.doctor import run_doctor

    return asyncio.run(run_doctor(config, mending=options.mend))


def _new_migration(options: argparse.Namespace) -> int:
    from pwrbot.repository.migrations import new_migration
    from pwrbot.repository.sql_files import sql_directory

    for path in new_migration(options.name, sql_directory()):
        print(path)
    return 0


def _schema(options: argparse.Namespace) -> int:
    from pwrbot.repository.migrations import check_schema, write_schema
    from pwrbot.repository.sql_files import sql_directory
    from pwrbot.repository.url import PostgresURL, parse_url

    configure_logging("WARNING", "auto", sys.stderr)
    text = os.environ.get("TEST_DATABASE_URL")
    server = parse_url(text) if text else None
    if not isinstance(server, PostgresURL):
        raise ConfigError(
            "the schema of PostgreSQL is dumped from a scratch schema on a server: set "
            "TEST_DATABASE_URL to one, or use `make schema`, which brings its own"
        )
    directory = sql_directory() / "schema"
    if not options.check:
        for path in write_schema(directory, server):
            print(path)
        return 0
    stale = check_schema(directory, server)
    for path in stale:
        print(f"{path} is stale: run `make schema` and commit it", file=sys.stderr)
    return 1 if stale else 0


def _import_pwr_bot(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.importing.command import import_command

    print(import_command(config, options.source, dry=options.dry_run, report=options.report))
    return 0


def _sql_list(options: argparse.Namespace) -> int:
    from pwrbot.repository.listing import list_statements

    print(list_statements())
    return 0


def _sql_show(options: argparse.Namespace) -> int:
    from pwrbot.repository.listing import show_statement

    print(show_statement(options.name, options.engine))
    return 0


@contextmanager
def _needing_the_tools() -> Generator[None]:
    """Around an import of what only those who change the SQL have installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"this needs the package {error.name}, which the extra 'dev' brings: `make install`"
        ) from None


def _sql_check(options: argparse.Namespace) -> int:
    with _needing_the_tools():
        from pwrbot.repository.check.commands import check_command

    return check_command(os.environ, style=options.format, offline=options.offline)


def _sql_prepare(options: argparse.Namespace) -> int:
    with _needing_the_tools():
        from pwrbot.repository.check.commands import prepare_command

    return prepare_command(os.environ)


def _sql_run(options: argparse.Namespace) -> int:
    config = _configured()
    from pwrbot.clock import SystemClock
    from pwrbot.database import engine_options
    from pwrbot.repository.run_query import as_json, as_table, run_query

    result = asyncio.run(
        run_query(
            _database(config),
            options.name,
            options.arguments,
            SystemClock(),
            engine_options(config),
        )
    )
    print(as_json(result) if options.json else as_table(result))
    return 0


def _sql_release(options: argparse.Namespace) -> int:
    from pwrbot.repository.check.scratch import postgres_scratch, sqlite_scratch
    from pwrbot.repository.released import write_released
    from pwrbot.repository.review import test_server
    from pwrbot.repository.sql_files import sql_directory

    sql, server = sql_directory(), test_server(os.environ)
    if server is None:
        raise ConfigError(
            "the statements of a release are held against both engines: set TEST_DATABASE_URL to a"
            " PostgreSQL, or use `make release-sql`, which brings its own"
        )
    with sqlite_scratch(sql) as sqlite, postgres_scratch(server, sql) as postgres:
        print(write_released(sql, __version__, [sqlite, postgres]))
    return 0


def _sql_review(options: argparse.Namespace) -> int:
    from pwrbot.repository.review import review

    configure_logging("WARNING", "auto", sys.stderr)
    print(review(options.range, os.environ, limit=options.limit))
    return 0

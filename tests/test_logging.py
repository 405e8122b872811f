"""The log: one form for everybody's records, and no secret in any of them."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
import structlog

from pwrbot.logging import brief, configure_logging, log_uncaught_exceptions
from pwrbot.repository.errors import UniqueViolation

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GhIjKl.aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789ab"
USER_ID = 123456789012345678
DSN = "postgresql://pwr:s3cr3t/#@pw@db.example:5432/pwr?sslmode=require"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("pwrbot", "asyncpg.pool"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


class Log(io.StringIO):
    """What was written, as text and as records."""

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def record(self) -> dict[str, Any]:
        (only,) = self.records()
        return only


def detach_pytest() -> None:
    """Its own handlers raise where a record is broken."""
    root = logging.getLogger()
    root.handlers[:] = [
        handler for handler in root.handlers if type(handler).__module__ == "pwrbot.logging"
    ]


@pytest.fixture
def log() -> Log:
    stream = Log()
    configure_logging("DEBUG", "json", stream, secrets=["my-own-secret-token-value", "s3cr3t"])
    return stream


def test_a_record(log: Log) -> None:
    structlog.contextvars.bind_contextvars(error_id="abc")
    structlog.get_logger("pwrbot.test").info("feed_checked", feed=7, new=2)

    record = log.record()
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "event": "feed_checked",
        "feed": 7,
        "new": 2,
        "error_id": "abc",
        "level": "info",
        "logger": "pwrbot.test",
    }


def test_other_peoples_records_have_the_same_form(log: Log) -> None:
    logging.getLogger("discord.gateway").info("Shard ID %s has connected", 0)

    record = log.record()
    assert record["event"] == "Shard ID 0 has connected"
    assert (record["logger"], record["level"]) == ("discord.gateway", "info")


def test_a_pool_that_cannot_connect_is_left_to_who_asks_it(log: Log) -> None:
    """It tries on its own, for as long as an outage lasts, and tells each time with a traceback."""
    logging.getLogger("asyncpg.pool").warning("Failed to restore the pool connection floor")
    assert log.getvalue() == ""


def test_other_peoples_debug_records_are_not_shown(log: Log) -> None:
    logging.getLogger("discord.http").debug("POST with %s", {"content": "a private message"})
    logging.getLogger("aiosqlite").debug("executing %s", ("a private value",))
    structlog.get_logger("pwrbot.test").debug("ours")

    assert log.record()["event"] == "ours"


def test_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", "auto")
    structlog.get_logger("pwrbot.test").info("quiet")
    structlog.get_logger("pwrbot.test").warning("heard")

    captured = capsys.readouterr()
    assert json.loads(captured.out)["event"] == "heard"
    assert captured.err == ""


def test_a_terminal_gets_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logging("INFO", "auto", stream)
    structlog.get_logger("pwrbot.test").info("feed_checked", feed=7)

    assert "feed_checked" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (TOKEN, "GhIjKl"),
        (f"Authorization: Bot {TOKEN}", "GhIjKl"),
        ("Bot abcdefghijklmnopqrst", "abcdefghijklmnopqrst"),
        ("x=my-own-secret-token-value;", "my-own"),
        (DSN, "#@pw"),
        ("host=h user=u password='a b c' dbname=d", "a b c"),
        ("postgresql://h/d?user=u&password=hunter2&x=1", "hunter2"),
        (f"<@{USER_ID}>", str(USER_ID)),
        (USER_ID, str(USER_ID)),
        ([{"deep": (USER_ID, {DSN: TOKEN})}], str(USER_ID)),
        ([{"deep": (USER_ID, {DSN: TOKEN})}], "#@pw"),
        ([{"deep": (USER_ID, {DSN: TOKEN})}], "GhIjKl"),
        (ValueError(f"bad {DSN}"), "#@pw"),
        (f"/webhooks/{USER_ID}/aW50ZXJhY3Rpb246MTIzNDU2", "aW50"),
        (f"POST /webhooks/{USER_ID}/AbC_dEf-GhIjKlMnOpQrStUv", "AbC_dEf"),
        ({"token": "short"}, "short"),
        ("{'token': 'short', 'op': 2}", "short"),
        (b"s3cr3t", "s3cr3t"),
        ("\x1b[1m" + TOKEN, "GhIjKl"),
    ],
)
def test_secrets_are_scrubbed(form: str, value: object, secret: str) -> None:
    stream = io.StringIO()
    configure_logging("INFO", form, stream, secrets=["my-own-secret-token-value", "s3cr3t"])

    structlog.get_logger("pwrbot.test").info("seen", value=value)
    structlog.get_logger("pwrbot.test").info(f"in the event: {value}")
    logging.getLogger("discord").warning("an argument: %s", value)
    logging.getLogger("discord").warning("an extra", extra={"value": value})

    assert secret not in stream.getvalue()
    assert stream.getvalue().count("\n") >= 4


def test_what_is_no_secret_stays(log: Log) -> None:
    structlog.get_logger("pwrbot.test").info(
        "kept",
        count=1234567890123456,
        ratio=0.12345678901234567,
        ok=True,
        none=None,
        name="s3cr3ts",
    )

    record = log.record()
    assert record["count"] == 1234567890123456
    assert record["ratio"] == 0.12345678901234567
    assert (record["ok"], record["none"], record["name"]) == (True, None, "s3cr3ts")


def fail() -> None:
    try:
        raise KeyError(TOKEN)
    except KeyError as error:
        raise ValueError(f"user {USER_ID} at {DSN}") from error


def assert_brief(log: Log) -> None:
    """By class and places, as the message may be a member's."""
    told = log.record()["exception"]
    place = r"(\w+\.py:\d+ > )*test_logging\.py:\d+"
    assert re.fullmatch(rf"ValueError at {place}\nby KeyError at test_logging\.py:\d+", told)
    for secret in (TOKEN, str(USER_ID), "s3cr3t", "#@pw", "db.example"):
        assert secret not in log.getvalue()


def test_exceptions_are_brief(log: Log) -> None:
    try:
        fail()
    except ValueError:
        structlog.get_logger("pwrbot.test").exception("failed")

    assert_brief(log)
    assert log.record()["event"] == "failed"


def test_other_peoples_exceptions_are_brief(log: Log) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger("discord.client").exception("Ignoring exception in %s", "on_ready")

    assert_brief(log)


def test_what_the_database_says_is_told(log: Log) -> None:
    try:
        try:
            raise ValueError("a member's words")
        except ValueError as error:
            raise UniqueViolation("feeds.insert: a row with this key is there already") from error
    except UniqueViolation:
        structlog.get_logger("pwrbot.test").exception("failed")

    told = log.record()["exception"]
    assert told.startswith("UniqueViolation: feeds.insert: a row with this key is there already at")
    assert "\nby ValueError at" in told
    assert "words" not in told


async def test_each_of_a_group_is_told(log: Log) -> None:
    async def broken() -> None:
        raise KeyError("words")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(broken())
            group.create_task(broken())
    except ExceptionGroup:
        structlog.get_logger("pwrbot.test").exception("failed")

    told = log.record()["exception"]
    assert told.startswith("ExceptionGroup at test_logging.py:")
    assert told.count("\nby KeyError at") == 2
    assert "words" not in told


def test_exceptions_that_cause_each_other_are_told(log: Log) -> None:
    one, other = KeyError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    structlog.get_logger("pwrbot.test").error("failed", exc_info=one)

    assert log.record()["exception"].startswith("KeyError at ?\nby ValueError at ?\nby KeyError")


def test_uncaught_in_the_main_thread(log: Log) -> None:
    log_uncaught_exceptions()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    assert_brief(log)
    assert log.record()["event"] == "uncaught_exception"


def test_uncaught_in_a_thread(log: Log) -> None:
    log_uncaught_exceptions()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    assert_brief(log)


async def test_uncaught_in_the_loop(log: Log) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(fail)
    await asyncio.sleep(0)

    assert_brief(log)
    assert log.record()["logger"] == "asyncio"


async def test_a_task_that_nobody_asked_after(log: Log) -> None:
    async def failing() -> None:
        fail()

    detach_pytest()
    task = asyncio.get_running_loop().create_task(failing())
    await asyncio.wait([task])
    del task
    gc.collect()

    assert_brief(log)
    assert log.record()["event"] == "Task exception was never retrieved"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, TOKEN), "OSError errno=28 at"),
        (ModuleNotFoundError(TOKEN, name="cairo"), "ModuleNotFoundError name=cairo at"),
        (
            discord.Forbidden(cast("Any", SimpleNamespace(status=403, reason="")), TOKEN),
            "status=403 code=0 at",
        ),
    ],
)
def test_numbers_and_names_of_an_exception_are_told(error: Exception, told: str) -> None:
    assert told in brief(error)
    assert TOKEN not in brief(error)


def test_warnings_are_records(log: Log) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"old {USER_ID}", DeprecationWarning, stacklevel=1)

    assert log.record()["logger"] == "py.warnings"
    assert str(USER_ID) not in log.getvalue()


def test_a_value_whose_repr_raises(log: Log) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError(TOKEN)

    detach_pytest()
    structlog.get_logger("pwrbot.test").info("shown", value=Broken())

    assert log.record()["value"] == "<Broken, whose repr raised RuntimeError>"


def test_a_broken_record_is_named_without_its_values(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    detach_pytest()
    logging.getLogger("discord").info("%d", TOKEN)

    assert log.record()["event"] == "log_record_lost: one of discord raised TypeError"
    assert TOKEN not in capsys.readouterr().err


def test_a_closed_stream_is_no_failure(log: Log) -> None:
    detach_pytest()
    log.close()

    structlog.get_logger("pwrbot.test").info("unheard")


def test_configuring_again_counts(log: Log) -> None:
    second = Log()
    configure_logging("INFO", "json", second)
    structlog.get_logger("pwrbot.test").info("once")

    assert log.getvalue() == ""
    assert second.record()["event"] == "once"

"""Values as a person writes them on a command line and reads them in a table.

What is shown can be given back: `shown` writes what `parsed` reads.
"""

from __future__ import annotations

import re
import typing
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from pwrbot.repository.types import MICROSECOND, ColumnType

NONE: Final = "none"
"""Stands for NULL."""


def parsed(text: str, kind: ColumnType, now: datetime) -> Any:
    """The value that the text stands for, as the type table takes it.

    ``now`` is what the word means. Raises ValueError, which says what is expected.
    """
    if kind.optional and text == NONE:
        return None
    try:
        value = _parsed(text, kind.python, now)
        kind.adapt(value)
    except msgspec.MsgspecError as error:
        raise ValueError(f"does not fit: {error}") from None
    except (ArithmeticError, TypeError):
        raise ValueError(f"is outside of what {kind.name} can hold") from None
    return value


def example(kind: ColumnType) -> str:
    """How a value of this type is written."""
    text = _example(kind.python)
    return f"{text} or {NONE}" if kind.optional else text


def shown(value: object) -> str:
    """The value in one line, without anything that a terminal would obey."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return _shown_duration(value)
    if isinstance(value, int | date):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_SCALARS: Final[dict[object, str]] = {
    int: "42",
    bool: "true or false",
    str: "text",
    datetime: "2026-03-01T12:00Z, now or now-7d",
    timedelta: "1d12h30m5.5s",
    date: "2026-03-01",
}
_SWITCH: Final = {"true": True, "false": False}
_DURATION: Final = re.compile(
    r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d{1,6}))?s)?", re.ASCII
)


def _parsed(text: str, python: Any, now: datetime) -> Any:
    if python is str or typing.get_origin(python) is Literal:
        return text
    if python is int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            raise ValueError(_expected(python))
        return int(text)
    if python is bool:
        if text not in _SWITCH:
            raise ValueError(_expected(python))
        return _SWITCH[text]
    if python is datetime:
        return _datetime(text, now)
    if python is timedelta:
        return _signed_duration(text)
    if python is date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(_expected(python)) from None
    if typing.get_origin(python) is list:
        (item,) = typing.get_args(python)
        return [_parsed(part.strip(), item, now) for part in text.split(",")] if text else []
    return msgspec.json.decode(text, type=python)


def _example(python: Any) -> str:
    if python in _SCALARS:
        return _SCALARS[python]
    if typing.get_origin(python) is Literal:
        return " or ".join(typing.get_args(python))
    if typing.get_origin(python) is list:
        return "1,2,3" if typing.get_args(python) == (int,) else "several, with commas between"
    return "JSON"


def _expected(python: Any) -> str:
    return f"must look like {_SCALARS[python]}"


def _datetime(text: str, now: datetime) -> datetime:
    if match := re.fullmatch(r"now(?:([+-])(.+))?", text):
        sign, duration = match.groups()
        if sign is None:
            return now
        return now + _duration(duration) if sign == "+" else now - _duration(duration)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_expected(datetime)) from None
    if found.tzinfo is None:
        raise ValueError(f"{_expected(datetime)}: its zone is missing")
    return found


def _signed_duration(text: str) -> timedelta:
    return -_duration(text[1:]) if text.startswith("-") else _duration(text)


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(_expected(timedelta))
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    fraction = int((match[5] or "").ljust(6, "0"))
    return timedelta(
        days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction
    )


def _shown_duration(value: timedelta) -> str:
    whole, microseconds = divmod(abs(value) // MICROSECOND, 1_000_000)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{microseconds:06}".rstrip("0") if microseconds else ""
    parts = [
        (f"{days}", "d"),
        (f"{hours}", "h"),
        (f"{minutes}", "m"),
        (f"{seconds}{fraction}", "s"),
    ]
    text = "".join(f"{number}{unit}" for number, unit in parts if number != "0")
    return f"-{text}" if value < timedelta(0) else text or "0s"

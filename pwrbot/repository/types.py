"""The type table: how each Python type is stored by SQLite and by PostgreSQL, and read back.

| Python                 | SQLite                     | PostgreSQL  |
|------------------------|----------------------------|-------------|
| int                    | INTEGER, 64 bit            | BIGINT      |
| str, Literal[...]      | TEXT                       | TEXT        |
| bool                   | INTEGER, 0 or 1            | BOOLEAN     |
| datetime, aware        | INTEGER, µs since 1970 UTC | TIMESTAMPTZ |
| timedelta              | INTEGER, µs                | INTERVAL    |
| date                   | TEXT, ISO 8601             | DATE        |
| msgspec Struct, tuple  | TEXT, JSON                 | JSONB       |

A value that would not come back equal is refused before it reaches a driver.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Union

import msgspec

from pwrbot.repository.queries import EngineName

Adapter = Callable[[Any], Any]
"""Makes of a Python value what the driver is given. Raises ValueError, never showing the value."""

Decode = Callable[[Any], Any]
"""Makes of what the driver gives a Python value."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = datetime.min.replace(tzinfo=UTC) + MICROSECOND
LAST: Final = datetime.max.replace(tzinfo=UTC) - MICROSECOND
"""asyncpg takes the instants before and after these for infinity."""
WRITTEN_OUT: Final = {"EPOCH": EPOCH, "MICROSECOND": MICROSECOND}
"""What ``ColumnType.written_out`` names."""
MAX_INTEGER: Final = 2**63 - 1
MIN_INTEGER: Final = -(2**63)


class ColumnType(msgspec.Struct, frozen=True):
    """A Python type as one engine stores it."""

    name: str
    """The type as a person would write it."""
    postgres: str
    """What a parameter is cast to on PostgreSQL."""
    adapt: Adapter
    decode: Decode | None
    """None where the driver's value is the Python value already."""
    results: frozenset[str]
    """The types of a PostgreSQL result column that may be read into it."""
    is_list: bool = False
    optional: bool = False
    """Whether None is among the values."""
    python: object = None
    """The Python type itself, without None."""
    written_out: str | None = None
    """What ``decode`` does as an expression of {}: for long lists, where a call for each value is
    most of the time. Its names are in WRITTEN_OUT."""


def column_type(annotation: object, engine: EngineName) -> ColumnType:
    """How the engine stores values of this annotation. Raises TypeError for one it cannot."""
    bare, optional = _without_none(annotation)
    found = _scalar(bare, engine) or _list(bare, engine) or _json(bare)
    if found is None:
        raise TypeError(
            f"{_shown(annotation)} has no place in the type table (pwrbot/repository/types.py)"
        )
    found = msgspec.structs.replace(found, python=bare)
    if not optional:
        return found
    return msgspec.structs.replace(
        found,
        name=f"{found.name} | None",
        adapt=_or_none(found.adapt),
        decode=_or_none(found.decode) if found.decode else None,
        written_out=None,
        optional=True,
    )


def result_type(annotation: object, engine: EngineName) -> ColumnType:
    """The same for a column that is read as well. Raises TypeError for one that cannot be."""
    found = column_type(annotation, engine)
    if found.is_list:
        raise TypeError(f"{found.name} is for IN (:x) only; a column holds a tuple[..., ...]")
    return found


def adapt_all(kind: ColumnType, values: Iterable[Any]) -> list[Any]:
    """Each of the values as the driver is given it; ints by the thousand are judged at once."""
    values = list(values)
    if kind.adapt is _int and set(map(type, values)) == {int}:
        _int(min(values))
        _int(max(values))
        return values
    return list(map(kind.adapt, values))


def is_optional(annotation: object) -> bool:
    """Whether None is among the values of this annotation."""
    return _without_none(annotation)[1]


def _scalar(bare: object, engine: EngineName) -> ColumnType | None:
    sqlite = engine == "sqlite"
    adapt: Adapter
    decode: Decode | None
    if bare is bool:
        adapt = _sqlite_bool if sqlite else _bool
        return ColumnType("bool", "boolean", adapt, bool if sqlite else None, _names("bool"))
    if bare is int:
        return ColumnType("int", "bigint", _int, None, _names("int8", "int4", "int2"))
    if bare is str:
        return ColumnType("str", "text", _str, None, _names("text", "varchar"))
    if bare is datetime:
        adapt, decode = (_sqlite_datetime, _from_microseconds) if sqlite else (_datetime, None)
        written = "EPOCH + {} * MICROSECOND" if sqlite else None
        names = _names("timestamptz")
        return ColumnType("datetime", "timestamptz", adapt, decode, names, written_out=written)
    if bare is timedelta:
        adapt = _sqlite_timedelta if sqlite else _timedelta
        written = "{} * MICROSECOND" if sqlite else None
        names = _names("interval", "int8")
        return ColumnType("timedelta", "interval", adapt, _timedelta_of, names, written_out=written)
    if bare is date:
        adapt, decode = (_sqlite_date, date.fromisoformat) if sqlite else (_date, None)
        return ColumnType("date", "date", adapt, decode, _names("date"))
    if typing.get_origin(bare) is Literal:
        allowed = typing.get_args(bare)
        if all(isinstance(value, str) for value in allowed):
            name = " or ".join(repr(value) for value in allowed)
            return ColumnType(name, "text", _one_of(frozenset(allowed)), None, _names("text"))
    return None


def _list(bare: object, engine: EngineName) -> ColumnType | None:
    """A list of scalars: an array on PostgreSQL, a JSON array on SQLite."""
    if typing.get_origin(bare) is not list:
        return None
    (item_annotation,) = typing.get_args(bare)
    item = _scalar(item_annotation, engine)
    if item is None:
        return None
    adapt_item = item.adapt

    def adapt_items(values: Sequence[Any]) -> list[Any]:
        if isinstance(values, str | bytes):
            raise ValueError("must be a list")
        return [adapt_item(value) for value in values]

    def to_json(values: Sequence[Any]) -> str:
        return msgspec.json.encode(adapt_items(values)).decode()

    return ColumnType(
        name=f"list[{item.name}]",
        postgres=f"{item.postgres}[]",
        adapt=to_json if engine == "sqlite" else adapt_items,
        decode=None,
        results=frozenset(),
        is_list=True,
    )


def _json(bare: object) -> ColumnType | None:
    """A typed document, checked when it is read: a msgspec Struct or a tuple."""
    is_struct = isinstance(bare, type) and issubclass(bare, msgspec.Struct)
    if not is_struct and typing.get_origin(bare) is not tuple:
        return None
    encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder[Any](bare)
    expected = bare if isinstance(bare, type) and is_struct else tuple

    def adapt(value: object) -> str:
        if not isinstance(value, expected):
            raise ValueError(f"must be {_shown(bare)}")
        try:
            text = encoder.encode(value).decode()
        except UnicodeEncodeError:
            raise ValueError(_SURROGATE) from None
        # Nothing checks the fields of a Struct when it is made: what could not be read later
        # (a str for an int, NaN, which JSON lacks) is found here.
        if not _comes_back(decoder, text, value):
            raise ValueError("must come back equal from JSON")
        if _JSON_NUL.search(text):
            raise ValueError(_NUL)
        return text

    return ColumnType(_shown(bare), "jsonb", adapt, decoder.decode, _names("jsonb"))


def _comes_back(decoder: msgspec.json.Decoder[Any], text: str, value: object) -> bool:
    try:
        return bool(decoder.decode(text) == value)
    except msgspec.ValidationError:  # whose message may hold a value
        return False


# To the driver


_NUL = "must not hold a NUL character, which PostgreSQL cannot store"
_SURROGATE = "must be valid Unicode, without half a surrogate pair"
_JSON_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _int(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("must be an int")
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise ValueError("must fit in 64 bits (at most 2^63-1, as every Discord id does)")
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a str")
    if "\0" in value:
        raise ValueError(_NUL)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(_SURROGATE) from None
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be True or False")
    return value


def _sqlite_bool(value: Any) -> int:
    return int(_bool(value))


def _datetime(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise ValueError("must be a datetime")
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError("must be an aware datetime: attach its time zone, e.g. tzinfo=UTC")
    if not FIRST <= value <= LAST:
        raise ValueError(
            "must lie in the years 1 to 9999 UTC, but not be their first or last instant"
        )
    return value


def _sqlite_datetime(value: Any) -> int:
    return (_datetime(value) - EPOCH) // MICROSECOND


def _timedelta(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        raise ValueError("must be a timedelta")
    if not MIN_INTEGER <= value // MICROSECOND <= MAX_INTEGER:
        raise ValueError("must be less than 292,000 years: 64 bits of microseconds")
    return value


def _sqlite_timedelta(value: Any) -> int:
    return _timedelta(value) // MICROSECOND


def _date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date")
    return value


def _sqlite_date(value: Any) -> str:
    return _date(value).isoformat()


def _one_of(allowed: frozenset[str]) -> Adapter:
    def adapt(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(sorted(allowed))}")
        return value

    return adapt


# From the driver


def _from_microseconds(value: int) -> datetime:
    return EPOCH + value * MICROSECOND  # half the time of timedelta(microseconds=value)


def _timedelta_of(value: int | timedelta) -> timedelta:
    """PostgreSQL gives an interval where times were subtracted, a number where one was stored."""
    return value if isinstance(value, timedelta) else timedelta(0, 0, value)


# Annotations


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_or_none(value: Any) -> Any:
        return None if value is None else convert(value)

    return convert_or_none


def _without_none(annotation: object) -> tuple[object, bool]:
    """The annotation without Annotated and None, and whether None was in it."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (Union, types.UnionType):
        members = [arg for arg in typing.get_args(annotation) if arg is not types.NoneType]
        if len(members) == 1:
            return _without_none(members[0])[0], True
    return annotation, False


def _shown(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)

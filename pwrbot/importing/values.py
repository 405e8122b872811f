"""Single values out of a database that kept whatever it was given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

SMALLEST_SNOWFLAKE: Final = 1 << 22
"""A smaller id would have been made before Discord's first millisecond."""

_LARGEST_ID: Final = (1 << 63) - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 10**11  # as seconds: the year 5138
_MICROSECONDS_FROM: Final = 10**14


def snowflake(value: object) -> int | None:
    """A Discord id, a number or the text of one; None for what cannot be one."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_ID:
        return value
    return None


def moment(value: object) -> datetime | None:
    """A time in any form pwr-bot wrote, in UTC; None for what is none.

    ISO 8601 with T or a space, with an offset or without (then UTC), with up to nine decimals (cut
    to microseconds); or a whole number since 1970: seconds, milliseconds or microseconds by size.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.removeprefix("-").isdigit():
            return _since_1970(int(text)) if len(text) < 20 else None
        try:
            value = datetime.fromisoformat(text.removesuffix(" UTC").replace(" +", "+"))
        except ValueError:
            return None
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            return value
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def text(value: object) -> str:
    """A text, empty where there is none; without zero characters, which PostgreSQL cannot store."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return "" if value is None else str(value).replace("\0", "")


def _since_1970(number: int) -> datetime | None:
    size = abs(number)
    microseconds = number
    if size < _MILLISECONDS_FROM:
        microseconds = number * 1_000_000
    elif size < _MICROSECONDS_FROM:
        microseconds = number * 1_000
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return None


_MICROSECOND: Final = datetime.resolution

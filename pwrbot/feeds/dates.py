"""Dates as feeds write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final


def parse_date(text: str | None) -> datetime | None:
    """The moment, aware, in UTC; None where it cannot be made out, or is before 1970.

    Reads ISO 8601 and RFC 3339, RFC 822 and its successors in their many misspellings, and seconds
    since 1970. Where no zone stands, UTC is meant.
    """
    text = " ".join((text or "").split())
    if not text or len(text) > 100:
        return None
    try:
        moment = _iso(text) or _epoch(text) or _mail(text)
        if moment is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if moment.year >= 1970 else None


def from_seconds(seconds: object) -> datetime | None:
    """The moment of a Unix time; None for anything that is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    if not 0 <= seconds < _LAST_SECOND:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _iso(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    moment += timedelta(
        hours=int(hour or 0),
        minutes=int(minute or 0),
        seconds=int(second or 0),
        microseconds=int((fraction or "0")[:6].ljust(6, "0")),
    )
    if zone is None or zone.upper() in ("Z", "UTC", "GMT"):
        return moment
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment - (offset if zone[0] == "+" else -offset)


def _epoch(text: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{9,13}", text):
        return None
    number = int(text)
    return from_seconds(number / 1000 if len(text) > 11 else number)


def _mail(text: str) -> datetime | None:
    # 24:00 is the midnight that follows.
    next_day = timedelta(days=1) if re.search(r"\b24:00(:00)?\b", text) else timedelta(0)
    if next_day:
        text = re.sub(r"\b24:00", "00:00", text)
    text = _MONTH.sub(lambda match: match[0][:3], text)
    text = re.sub(r"\b(UTC|GMT|Z)([+-])", r"\2", text)
    text = re.sub(r"([+-][0-9]{2}):([0-9]{2})$", r"\1\2", text)
    text = re.sub(r"^[^\W\d]+\.?,?\s+(?=\d)", "", text)  # the day's name, in whatever language
    moment = parsedate_to_datetime(text)
    return moment + next_day


_LAST_SECOND: Final = 253_402_300_800  # the year 10000
_ISO: Final = re.compile(
    r"([0-9]{4})(?:-?([0-9]{2})(?:-?([0-9]{2})"
    r"(?:[Tt ]+([0-9]{1,2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"\s*(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)
_MONTH: Final = re.compile(
    r"\b(January|February|March|April|June|July|August|Sept(?:ember)?|October|November|December)\b",
    re.IGNORECASE,
)

"""Single values: every form pwr-bot wrote, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot.importing.values import moment, snowflake, text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:00:00.000+00:00",
        "2026-03-01T12:00:00.000000+00:00",
        "2026-03-01T12:00:00.000000999+00:00",
        "2026-03-01T12:00:00Z",
        "2026-03-01 12:00:00",
        "2026-03-01 12:00:00.000",
        "2026-03-01 12:00:00+00:00",
        "2026-03-01 12:00:00 +00:00",
        "2026-03-01 12:00:00 UTC",
        "2026-03-01 12:00:00+00",
        "2026-03-01T14:00:00+02:00",
        " 2026-03-01T12:00:00 ",
        "1772366400",
        1772366400,
        1772366400_000,
        1772366400_000_000,
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=9))),
    ],
)
def test_one_moment_in_every_form(value: object) -> None:
    found = moment(value)
    assert found is not None
    assert found == NOON
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "soon", "2026-13-01T00:00:00", "infinity", "9" * 30, 10**40, b"2026", 1.5),
        *(True, "0001-01-01T00:00:00+05:00", "44-03-15 BC", "²", "-", "١٢٣٤"),
    ],
)
def test_what_is_no_moment(value: object) -> None:
    assert moment(value) is None


@given(st.integers(0, 10**9), st.integers(0, 10**6 - 1))
def test_a_moment_comes_back_to_the_microsecond(seconds: int, microseconds: int) -> None:
    aware = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=microseconds)
    naive = aware.replace(tzinfo=None)
    number = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    forms = (aware.isoformat(), str(naive), str(aware), naive, number)
    assert {moment(form) for form in forms} == {aware}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1), ("80351110224678912", 80351110224678912), (2**63 - 1, 2**63 - 1)]
    + [(value, None) for value in (0, -1, 2**63, "", "-5", "1.0", "12a", "٣", 1.0, None, True)],
)
def test_ids(value: object, expected: int | None) -> None:
    assert snowflake(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("a\0b", "ab"),
        (5, "5"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_texts(value: object, expected: str) -> None:
    assert text(value) == expected

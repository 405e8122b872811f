from datetime import UTC, datetime, timedelta

import pytest

from pwrbot.views.wording import count, duration, mention, moment, ordinal, plain


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(), "0 s"),
        (timedelta(microseconds=999_999), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(seconds=59.999999), "59 s"),
        (timedelta(minutes=1), "1 min 00 s"),
        (timedelta(minutes=12, seconds=5), "12 min 05 s"),
        (timedelta(hours=1) - timedelta(microseconds=1), "59 min 59 s"),
        (timedelta(hours=3, minutes=2, seconds=59), "3 h 02 min"),
        (timedelta(hours=12, minutes=34), "12 h 34 min"),
        (timedelta(days=2), "48 h 00 min"),
        (timedelta(days=100), "2,400 h 00 min"),
        (timedelta(seconds=-1), "0 s"),
    ],
)
def test_duration(time: timedelta, text: str) -> None:
    assert duration(time) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (37, "37th"),
        (111, "111th"),
        (122, "122nd"),
    ],
)
def test_ordinal(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_count() -> None:
    assert count(1, "day") == "1 day"
    assert count(0, "day") == "0 days"
    assert count(1200, "entry", "entries") == "1,200 entries"


def test_moments_and_mentions() -> None:
    time = datetime(2026, 3, 18, 12, tzinfo=UTC)
    assert moment(time) == "<t:1773835200:f>"
    assert moment(time, "R") == "<t:1773835200:R>"
    assert mention(5) == "<@5>"


def test_plain_takes_the_power_from_a_name() -> None:
    assert plain("*@everyone*") == "\\*@\u200beveryone\\*"
    assert plain("Europe/Berlin") == "Europe/Berlin"

"""``pwrbot sql run``: arguments in words, rows in a table, and nothing that could be changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwrbot import cli
from pwrbot.clock import ManualClock
from pwrbot.entities import Feed, OpenVoiceSession, Settings, VoiceSession, VoiceSettings
from pwrbot.errors import ConfigError
from pwrbot.repository import Repository
from pwrbot.repository.as_text import example, parsed, shown
from pwrbot.repository.engine import EngineOptions, TransactionExecutor
from pwrbot.repository.engine.opening import open_engine
from pwrbot.repository.errors import DatabaseError, DatabaseReadOnly
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.run_query import QueryNotRun, Result, as_json, as_table, run_query
from pwrbot.repository.statement import Statement
from pwrbot.repository.types import column_type
from pwrbot.repository.url import SQLiteURL, parse_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = ManualClock(NOON)


async def run(url: str, name: str, *arguments: str) -> Result:
    return await run_query(parse_url(url), name, arguments, CLOCK)


async def refusal(url: str, name: str, *arguments: str) -> str:
    with pytest.raises(QueryNotRun) as caught:
        await run(url, name, *arguments)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.fixture
async def two_sessions(repository: Repository) -> Repository:
    for user_id, hours in ((7, 2), (8, 1)):
        await repository.voice_sessions.insert(
            VoiceSession(1, user_id, NOON - timedelta(hours=hours), 5, NOON)
        )
    return repository


# Running


async def test_rows_in_a_table(two_sessions: Repository, migrated_url: str) -> None:
    result = await run(
        migrated_url,
        "voice_sessions.leaderboard",
        "guild_id=1",
        "since=now-7d",
        "until=2026-03-01T13:00+01:00",
        "now=now",
        "added=0",
        "taken=1",
        "first_year=0",
        "last_year=9999",
        "edges=1",
        "hide_left=false",
        "least=1s",
        "viewer_id=none",
        "limit=10",
        "offset=0",
    )

    assert as_table(result) == (
        "user_id  total  place  members\n"
        "-------  -----  -----  -------\n"
        "      7  2h         1        2\n"
        "      8  1h         2        2\n"
        "(2 rows)"
    )
    assert json.loads(as_json(result))[0] == {
        "user_id": 7,
        "total": "PT7200S",
        "place": 1,
        "members": 2,
    }


async def test_every_table_can_be_asked_by_its_key(
    two_sessions: Repository, migrated_url: str
) -> None:
    key = ("guild_id=1", "user_id=7", "joined_at=2026-03-01T10:00Z")
    result = await run(migrated_url, "voice_sessions.select", *key)
    assert as_table(result).splitlines()[2:] == [
        "       1        7  2026-03-01T10:00:00Z           5  2026-03-01T12:00:00Z",
        "(1 row)",
    ]

    keys = ("guild_id=1,1,1", "user_id=8,7,9", "joined_at=now-1h,now-2h,now")
    many = await run(migrated_url, "voice_sessions.select_many", *keys)
    assert [row[1] for row in many.rows] == [7, 8]

    counted = await run(migrated_url, "voice_sessions.count")
    assert (counted.columns, counted.rows) == (("total",), [[2]])


async def test_keys_of_one_column(repository: Repository, migrated_url: str) -> None:
    feed = Feed("p", "s", "i", "A\x1b[31m\nfeed", "", "http://x", None, ("a", "é"), NOON)
    stored = await repository.feeds.insert(feed)

    result = await run(migrated_url, "feeds.select_many", f"id={stored.id},99")

    assert len(result.rows) == 1
    assert r"A\x1b[31m\nfeed" in as_table(result)
    assert '["a","é"]' in as_table(result)
    assert "none" in as_table(result)


async def test_an_order_is_named_after_a_colon(repository: Repository, migrated_url: str) -> None:
    name = "feed_subscriptions.page_with_latest:recent"
    result = await run(migrated_url, name, "subscriber_id=1", "limit=5", "offset=0")

    assert result.columns[:2] == ("feed_id", "name")
    assert as_table(result).endswith("(0 rows)")


async def test_it_runs_beside_the_bot(repository: Repository, migrated_url: str) -> None:
    async with ProcessLock(parse_url(migrated_url)), repository.transaction() as tx:
        await tx.open_voice_sessions.insert(OpenVoiceSession(1, 7, 5, NOON))
        result = await run(migrated_url, "open_voice_sessions.in_guild", "guild_id=1")
        assert result.rows == []  # not committed yet

    result = await run(migrated_url, "open_voice_sessions.in_guild", "guild_id=1")
    assert result.rows == [[1, 7, 5, NOON]]


# Refusing


async def test_all_that_is_wrong_is_told_with_what_it_takes(migrated_url: str) -> None:
    text = await refusal(
        migrated_url,
        "voice_sessions.spans",
        "guild_id=one",
        "guild_id=2",
        "user_id=99999999999999999999",
        "since=2026-01-01",
        "until=tomorrow",
        "colour=red",
        "now",
    )

    assert text == (
        "voice_sessions.spans was not run:\n"
        "  guild_id is given twice\n"
        "  colour is no parameter of it\n"
        "  'now' is not of the form name=value\n"
        "  since: '2026-01-01' must look like 2026-03-01T12:00Z, now or now-7d: its zone is"
        " missing\n"
        "  until: 'tomorrow' must look like 2026-03-01T12:00Z, now or now-7d\n"
        "  guild_id: 'one' must look like 42\n"
        "  user_id: '99999999999999999999' must look like 42\n"
        "  now is missing\n"
        "It takes:\n"
        "  since     datetime  2026-03-01T12:00Z, now or now-7d\n"
        "  until     datetime  2026-03-01T12:00Z, now or now-7d\n"
        "  guild_id  int       42\n"
        "  user_id   int       42\n"
        "  now       datetime  2026-03-01T12:00Z, now or now-7d"
    )


async def test_a_query_that_takes_nothing_says_so(migrated_url: str) -> None:
    assert (await refusal(migrated_url, "feeds.count", "id=1")).endswith("It takes nothing.")


async def test_lists_that_do_not_make_keys(migrated_url: str) -> None:
    keys = ("guild_id=1,2", "user_id=1", "joined_at=now")
    assert "same length" in await refusal(migrated_url, "voice_sessions.select_many", *keys)


@pytest.mark.parametrize(
    "name", ["voice_sessions.end_all", "feeds.insert", "server_settings.save", "feeds.delete"]
)
async def test_a_statement_that_writes_is_refused(migrated_url: str, name: str) -> None:
    assert f"{name} changes the database" in await refusal(migrated_url, name)


async def test_an_unknown_name(migrated_url: str) -> None:
    with pytest.raises(ConfigError, match=r"did you mean feeds\.count"):
        await run(migrated_url, "feed.count")


async def test_a_database_without_tables(database_url: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(DatabaseError) as caught:
        await run(database_url, "feeds.count")
    assert "cannot be reached" in str(caught.value) or "pwrbot status" in str(caught.value)


async def test_the_engine_itself_refuses_every_change(migrated_url: str) -> None:
    url = parse_url(migrated_url)
    name = "sqlite" if isinstance(url, SQLiteURL) else "postgres"
    statements = {s.name: s for s in bind_repository(name).statements}
    engine = await open_engine(url, EngineOptions(read_only=True))
    write, read = statements["open_voice_sessions.remove_all"], statements["feeds.count"]
    values = write.adapt([1, [0], 1, [0]])
    try:
        with pytest.raises(DatabaseReadOnly):
            await engine.execute(write, values)
        with pytest.raises(DatabaseReadOnly):
            await engine.fetch(write, values)
        with pytest.raises(DatabaseReadOnly):
            await engine.execute_many(statements["feeds.delete"], [[1]])
        async with engine.transaction() as tx:
            with pytest.raises(DatabaseReadOnly):
                await _within_savepoint(tx, write, values)
            assert len(await tx.fetch(read, [])) == 1
        async with engine.transaction() as tx:
            assert len(await tx.fetch(read, [])) == 1
        assert len(await engine.fetch(read, [])) == 1
        assert await engine.check([read, write]) == {}
    finally:
        await engine.close()


async def _within_savepoint(
    tx: TransactionExecutor, statement: Statement, values: Sequence[Any]
) -> None:
    async with tx.transaction() as inner:
        await inner.execute(statement, values)


# The command


def test_the_command(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("SLOW_QUERY_MS", "0")

    assert cli.main(["sql", "run", "feeds.count"]) == 0
    out, log = capsys.readouterr()
    assert out == "total\n-----\n    0\n(1 row)\n"
    assert "slow_query" in log

    assert cli.main(["sql", "run", "--json", "feeds.select", "id=1"]) == 0
    assert capsys.readouterr().out == "[]\n"

    assert cli.main(["sql", "run", "feeds.select", "id=-x"]) == 2
    assert "id: '-x' must look like 42" in capsys.readouterr().err

    assert cli.main(["sql", "run", "feeds.delete", "id=1"]) == 2
    assert "only reads" in capsys.readouterr().err


# Values


def value_of(text: str, python: object) -> Any:
    kind = column_type(python, "postgres")
    value = parsed(text, kind, NOON)
    assert parsed(text, column_type(python, "sqlite"), NOON) == value
    return value


@pytest.mark.parametrize(
    ("text", "python", "value"),
    [
        ("-5", int, -5),
        ("", str, ""),
        ("none", str, "none"),
        ("none", str | None, None),
        ("none", int | None, None),
        ("true", bool, True),
        ("false", bool, False),
        ("now", datetime, NOON),
        ("now+90s", datetime, NOON + timedelta(seconds=90)),
        ("2026-03-01T14:00:00+02:00", datetime, NOON),
        ("1d2h3m4.5s", timedelta, timedelta(1, 7384, 500_000)),
        ("-30m", timedelta, timedelta(minutes=-30)),
        ("2026-03-01", date, date(2026, 3, 1)),
        ("dm", Literal["dm", "guild"], "dm"),
        ("1, 2,3", list[int], [1, 2, 3]),
        ("", list[int], []),
        ("a,b c", list[str], ["a", "b c"]),
        ("now,now-1d", list[datetime], [NOON, NOON - timedelta(days=1)]),
        ('["a"]', tuple[str, ...], ("a",)),
        ('{"voice": {"muted": false}}', Settings, Settings(voice=VoiceSettings(muted=False))),
    ],
)
def test_values_in_words(text: str, python: object, value: object) -> None:
    assert value_of(text, python) == value


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("", int),
        ("1.5", int),
        ("1_000", int),
        ("٣", int),
        ("9223372036854775808", int),
        ("none", int),
        ("yes", bool),
        ("2026-03-01T12:00", datetime),
        ("now-", datetime),
        ("now-7", datetime),
        ("now-99999999999d", datetime),
        ("", timedelta),
        ("5", timedelta),
        ("-", timedelta),
        ("1h 5m", timedelta),
        ("999999999999d", timedelta),
        ("01.03.2026", date),
        ("pm", Literal["dm", "guild"]),
        ("a\0b", str),
        ("1,,2", list[int]),
        ("1,x", list[int]),
        ("{", Settings),
        ('{"voice": 5}', Settings),
    ],
)
def test_what_is_no_value(text: str, python: object) -> None:
    with pytest.raises(ValueError):
        value_of(text, python)


def test_each_type_has_an_example() -> None:
    for python in (int, bool, datetime, timedelta, date, list[int], int | None):
        kind = column_type(python, "sqlite")
        for text in example(kind).split(" or "):
            for word in text.split(", "):
                parsed(word, kind, NOON)
    assert example(column_type(Settings, "sqlite")) == "JSON"
    assert example(column_type(Literal["dm", "guild"], "sqlite")) == "dm or guild"


@given(st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)))
def test_a_duration_that_is_shown_can_be_given_back(value: timedelta) -> None:
    assert value_of(shown(value), timedelta) == value


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
)
def test_a_time_that_is_shown_can_be_given_back(value: datetime) -> None:
    assert value_of(shown(value), datetime) == value


def test_wide_characters_keep_the_columns_straight() -> None:
    table = as_table(Result(("name", "id"), [["日本", 1], ["e\N{COMBINING ACUTE ACCENT}t", 22]]))
    assert table.splitlines()[2:4] == ["日本   1", "e\N{COMBINING ACUTE ACCENT}t    22"]


def test_json_keeps_types() -> None:
    row = [True, NOON, ("x",), timedelta(hours=1), None]
    text = as_json(Result(("a", "b", "c", "d", "e"), [row]))
    assert msgspec.json.decode(text) == [
        {"a": True, "b": "2026-03-01T12:00:00Z", "c": ["x"], "d": "PT3600S", "e": None}
    ]


def test_json_has_no_number_that_its_readers_round() -> None:
    """In documents, too."""
    ignoring = Settings(voice=VoiceSettings(ignored_channels=(2**62, 5)))
    row = [2**53 - 1, 2**53, -(2**53), ignoring]
    [read] = json.loads(as_json(Result(("a", "b", "c", "d"), [row])))
    assert [read["a"], read["b"], read["c"]] == [2**53 - 1, str(2**53), str(-(2**53))]
    assert read["d"]["voice"]["ignored_channels"] == [str(2**62), 5]

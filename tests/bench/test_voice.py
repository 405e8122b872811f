"""The bench of voice answers on a few thousand sessions: what it compares, that it says all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import sql

from bench.voice import data, pwr_bot
from bench.voice.data import NOW, community, micros
from bench.voice.report import goals, markdown
from bench.voice.run import EngineName, Length, Results, run_engine
from bench.voice.stores import KINDS, DataSet, Kind, numbered, sqlite_stores
from tests.conftest import ENGINES, PostgresServer

WANTED = DataSet(sessions=4_000, seed=7)
SHORT = Length(
    rounds=2,
    writing_rounds=2,
    pairs=2,
    our_pairs=1,
    their_pairs=1,
    writers=10,
    concurrent_rounds=1,
    still_open=20,
)

AIMS = [
    "leaderboard page, all time and this year",
    "leaderboard page, 7 days",
    "leaderboard page, a ragged 13 months",
    "partners, 99th-percentile member, all time",
    "from 400 to 4,000 sessions, each answer",
    "a join and its leave, roll-ups included: the statements alone",
    "a join and its leave, roll-ups included: by the bot",
    "durable voice events per second, 100 concurrent writers",
    "the bot's resident memory, at 4,000 sessions and at 3,999",
    "the heartbeat, 20 sessions open",
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineName:
    return request.param


@pytest.fixture
def server(engine: EngineName, postgres_server: PostgresServer) -> Iterator[str | None]:
    """Whose databases are gone afterwards."""
    if engine == "sqlite":
        yield None
        return
    yield postgres_server.url
    with psycopg.connect(postgres_server.url) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'voice\\_%\\_7\\_%'"
        ).fetchall()
    for (name,) in names:
        postgres_server.drop(postgres_server.url.rsplit("/", 1)[0] + f"/{name}")


async def test_everything_is_asked_and_the_answers_are_the_same(
    engine: EngineName, server: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.voice.run.SMALL", 3_999)
    made: list[str] = []

    result = await run_engine(engine, WANTED, tmp_path, server, SHORT, made.append)

    boards = [one for one in result.compared if one.title.startswith("leaderboard")]
    assert len(boards) == 5
    assert [one.off for one in boards] == [0] * 5
    assert sum(one.rows for one in boards) > 1_000
    assert {"activity per day, a year", "time per channel, this year"} <= {
        one.title for one in result.compared
    }
    assert result.heartbeat_statements == 1
    _all_is_told(result)
    assert await _left_behind(engine, tmp_path, server) == [
        len(community(WANTED.sessions, WANTED.seed).ended),
        result.open_sessions,
        WANTED.sessions,
    ]


def _all_is_told(result: Results) -> None:
    told = goals([result])
    assert [goal.answer.split(", and by ")[0] for goal in told] == AIMS
    text = markdown([result])
    for row in (*AIMS[:4], *result.reads, *result.pairs, *result.concurrent):
        assert f"| {row}" in text


async def _left_behind(engine: EngineName, folder: Path, server: str | None) -> list[int]:
    """How many sessions, open ones and pwr-bot's there are after all that was written."""
    counts: list[int] = []
    looked_at: list[tuple[Kind, str, str]] = [
        ("ours", "pwrbot", "voice_sessions"),
        ("ours", "pwrbot", "open_voice_sessions"),
        ("pwr_bot", "public", "voice_sessions"),
    ]
    for kind, schema, table in looked_at:
        name = WANTED.name(kind, engine)
        if server is None:
            with sqlite3.connect(folder / f"{name}.db") as connection:
                counts += connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            connection.close()
        else:
            count = sql.SQL("SELECT COUNT(*) FROM {}").format(sql.Identifier(schema, table))
            with psycopg.connect(server.rsplit("/", 1)[0] + f"/{name}") as connection:
                counts += connection.execute(count).fetchone() or ()
    return counts


def test_databases_are_used_again_until_what_they_are_made_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    first = sqlite_stores(WANTED, tmp_path, said.append)
    again = sqlite_stores(WANTED, tmp_path, said.append)
    assert (first, len(said)) == (again, len(KINDS))

    monkeypatch.setattr(pwr_bot, "INDEXES", "")
    changed = sqlite_stores(WANTED, tmp_path, said.append)

    assert len(said) == len(KINDS) + 1
    assert (changed.ours, changed.plain) == (first.ours, first.plain)
    assert not Path(first.pwr_bot).exists()


@pytest.mark.parametrize("growth", ["time", "activity"])
def test_nobody_is_in_two_channels_at_once(growth: data.Growth) -> None:
    made = community(50_000, 3, growth).sessions
    same = (made.guild_id[1:] == made.guild_id[:-1]) & (made.user_id[1:] == made.user_id[:-1])

    assert len(made) == 50_000
    assert (made.left_at > made.joined_at).all()
    assert (made.joined_at < micros(NOW)).all()
    assert (made.joined_at[1:] >= made.left_at[:-1])[same].all()
    assert same.sum() > 10_000


def test_the_big_guild_and_its_sessions_are_what_they_are_said_to_be() -> None:
    made = community(200_000, 3)
    rows = made.sessions
    minutes = (rows.left_at - rows.joined_at) / 6e7

    assert abs((rows.guild_id == made.big_guild).mean() - data.BIG_SHARE) < 0.01
    assert 40 < minutes.mean() < 55
    assert (minutes > 720).mean() < 0.005
    assert len(np.unique(rows.channel_id[rows.guild_id == made.big_guild])) == data.CHANNELS


def test_a_shorter_history_is_of_the_same_people_who_are_as_active() -> None:
    long, short = community(200_000, 3), community(50_000, 3)
    a_day = [
        len(made.sessions) / ((micros(NOW) - made.sessions.joined_at.min()) / (24 * data.HOUR))
        for made in (long, short)
    ]

    assert short.big_guild == long.big_guild
    assert set(np.unique(short.sessions.user_id)) & set(np.unique(long.sessions.user_id))
    assert a_day[0] == pytest.approx(a_day[1], rel=0.1)


def test_the_same_seed_makes_the_same_data() -> None:
    one, two, other = (community(5_000, seed).sessions for seed in (1, 1, 2))

    assert np.array_equal(one.joined_at, two.joined_at)
    assert np.array_equal(one.user_id, two.user_id)
    assert not np.array_equal(one.joined_at, other.joined_at)


def test_a_time_stands_in_pwr_bots_file_as_chrono_writes_it() -> None:
    whole = NOW.replace(microsecond=0)

    assert pwr_bot.stored(whole) == "2026-06-17T15:37:21+00:00"
    assert pwr_bot.stored(whole + timedelta(milliseconds=20)) == "2026-06-17T15:37:21.020+00:00"
    assert pwr_bot.stored(NOW) == "2026-06-17T15:37:21.482913+00:00"
    assert pwr_bot.current(NOW) == "2026-06-17 15:37:21"


def test_named_parameters_get_numbers_and_types() -> None:
    text, names = numbered("SELECT :guild_id, x::date, :since, :guild_id")

    assert text == "SELECT $1::bigint, x::date, $2::timestamptz, $1::bigint"
    assert names == ["guild_id", "since"]

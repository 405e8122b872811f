"""A made-up database as pwr-bot would have left it: any version, any size, oddities and all.

    python -m tools.pwr_bot_database ERA SESSIONS PLACE [--seed N]

ERA: 1 to 8 for its SQLite migrations, ``diesel`` for the SQLite of its first Diesel version,
``postgres`` for its PostgreSQL; PLACE: a file that is not there yet, or the URL of a database
without tables. Versions 1 to 3 have no sessions. The same arguments make the same rows. The schemas
in tools/pwr_bot are written from a description of pwr-bot's migrations.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

SCHEMAS = Path(__file__).with_name("pwr_bot")
MIGRATIONS = (1, 2, 3, 4, 5, 6, 7, 8)
ERAS = (*map(str, MIGRATIONS), "diesel", "postgres")

BEGAN = datetime(2025, 8, 1, tzinfo=UTC)
HEARTBEAT = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""When the bot was stopped."""

FEEDS = 60
ITEMS = 40
SERVERS = 12
ODD = 0.02
"""The share of sessions that something is wrong with."""


class Session(NamedTuple):
    """A row of voice_sessions, its times not yet in the words of a version."""

    user_id: int
    guild_id: int
    channel_id: int
    join: datetime
    leave: datetime
    active: bool = False


def snowflake(number: int, kind: int) -> int:
    """An id like Discord's, of 2019."""
    return ((136_000_000_000 + number * 7_919) << 22) + kind


def sessions(count: int, seed: int = 0) -> Iterator[Session]:
    """That many sessions, all odd kinds among them; no two share member, channel and beginning."""
    random_ = random.Random(seed)
    members = max(1, count // 60)
    for member in range(members):
        share = count * (member + 1) // members - count * member // members
        yield from _of_member(random_, member, share)


def _of_member(random_: random.Random, member: int, count: int) -> Iterator[Session]:
    # One server in which half of all members are.
    server = 0 if random_.random() < 0.5 else random_.randrange(1, SERVERS)
    user_id, guild_id = snowflake(member, 1), snowflake(server, 2)
    room = (HEARTBEAT - BEGAN) / max(1, count)
    taken: set[tuple[int, datetime]] = set()
    for number in range(count):
        channel_id = snowflake(server * 50 + random_.randrange(8), 3)
        start = BEGAN + room * number + room * 0.5 * random_.random()
        join = start.replace(microsecond=random_.choice((0, 0, 250_000, random_.randrange(10**6))))
        length = timedelta(minutes=random_.expovariate(1 / 70))
        leave = join + min(length, room * 0.4) + timedelta(seconds=1)
        session = Session(user_id, guild_id, channel_id, join, leave)
        if random_.random() < ODD:
            session = _odd(random_, session, room)
        elif number == count - 1 and random_.random() < 0.1:
            session = session._replace(leave=join, active=True)
        key = session.channel_id, session.join
        if key not in taken:
            taken.add(key)
            yield session
        else:  # an odd one met another: move it on
            yield session._replace(join=session.join + timedelta(microseconds=number + 1))


def _odd(random_: random.Random, session: Session, room: timedelta) -> Session:
    """Something is wrong with it, as it was with pwr-bot's, or as a hand has made it."""
    join, leave = session.join, session.leave
    match random_.randrange(10):
        case 0:  # recovery at the next start: the last heartbeat was before the join
            return session._replace(leave=join - timedelta(seconds=random_.randrange(1, 10)))
        case 1:
            return session._replace(leave=join)
        case 2 | 3 | 4:  # its leave was missed: it goes on over the next ones
            return session._replace(leave=min(leave + room * random_.randrange(1, 5), HEARTBEAT))
        case 5:  # its leave was missed for good
            return session._replace(leave=join + timedelta(days=100))
        case 6:
            return session._replace(join=datetime(1970, 1, 1, tzinfo=UTC) + (join - BEGAN))
        case 7:
            return session._replace(leave=leave.replace(year=2999))
        case 8:
            return session._replace(channel_id=-session.channel_id)
        case _:
            return session._replace(leave=join, active=True)


def make_sqlite(path: Path, era: str, count: int, seed: int = 0) -> None:
    """Make the file. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    connection = sqlite3.connect(path)
    with connection:
        if era == "diesel":
            connection.executescript(schema("diesel"))
            _fill(connection, 8)
        else:
            # Rows come as the first version made them, and its migrations did the rest.
            for number in MIGRATIONS[: int(era)]:
                connection.executescript(schema(str(number)))
                if number == 1:
                    _fill(connection, 1)
                if number == 2:
                    connection.executemany(
                        "UPDATE server_settings SET settings = ? WHERE guild_id = ?",
                        [(json.dumps(_flat(n)), snowflake(n, 2)) for n in range(SERVERS)],
                    )
                if number == 7:
                    connection.execute(
                        "INSERT INTO bot_meta VALUES ('voice_heartbeat', ?), ('bot_version', '1')",
                        (rfc3339(HEARTBEAT),),
                    )
        if era == "diesel" or int(era) >= 4:
            write = diesel_time if era == "diesel" else rfc3339
            flags = era in ("8", "diesel")
            connection.executemany(
                "INSERT INTO voice_sessions (user_id, guild_id, channel_id, join_time, leave_time"
                f"{', is_active' if flags else ''}) VALUES (?, ?, ?, ?, ?{', ?' if flags else ''})",
                (
                    (*one[:3], write(one.join), write(one.leave), *((one.active,) if flags else ()))
                    for one in sessions(count, seed)
                ),
            )
    connection.close()


def make_postgres(url: str, count: int, seed: int = 0) -> None:
    """Fill an empty database with what pwr-bot's newest version has."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(url) as connection:
        connection.execute(schema("postgres").encode())
        cursor = connection.cursor()
        for table, rows in _rows(8).items():
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
            insert = sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), marks)
            cursor.executemany(insert, rows)
        with cursor.copy(
            "COPY voice_sessions (user_id, guild_id, channel_id, join_time, leave_time, is_active)"
            " FROM STDIN"
        ) as copy:
            for one in sessions(count, seed):
                copy.write_row(one)


def schema(name: str) -> str:
    """The statements of a migration, ``diesel`` or ``postgres``."""
    return (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8")


def rfc3339(time: datetime) -> str:
    """As sqlx wrote it: T, an offset, as many decimals in threes as it takes."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if time.microsecond % 1000:
        return f"{text}.{time.microsecond:06}+00:00"
    return f"{text}{f'.{time.microsecond // 1000:03}' * bool(time.microsecond)}+00:00"


def diesel_time(time: datetime) -> str:
    """As Diesel wrote it: a space, no zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")


def _fill(connection: sqlite3.Connection, version: int) -> None:
    for table, rows in _rows(version).items():
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _rows(version: int) -> dict[str, list[tuple[object, ...]]]:
    """The rows of all tables but voice_sessions, as version 1 or as version 8 had them."""
    uuid = "00000000-0000-4000-8000-{:012}".format
    feeds: list[tuple[object, ...]] = []
    for number in range(1, FEEDS + 1):
        manga = number % 2
        source = uuid(number) if manga else str(number)
        url = (
            f"https://mangadex.org/title/{source}"
            if manga
            else f"https://anilist.co/anime/{source}"
        )
        name = (number, f"Feed {number}", f"About {number}")
        rest = (f"https://example.org/{number}.jpg", "series")
        if version == 1:
            feeds.append((*name, url, *rest))
        else:
            platform = "MangaDex" if manga else "AniList Anime"
            feeds.append((*name, platform, source, source, url, *rest))
    items = [
        (n * ITEMS + i, n, str(i), rfc3339(BEGAN + timedelta(days=i, minutes=n)))
        for n in range(1, FEEDS + 1)
        for i in range(ITEMS)
    ]
    targets = [
        ("guild", f"{snowflake(n, 2)}:{snowflake(n * 50, 3)}" if version == 1 else snowflake(n, 2))
        for n in range(SERVERS)
    ] + [("dm", snowflake(n, 1)) for n in range(30)]
    subscribers = [(n, kind, str(target)) for n, (kind, target) in enumerate(targets, 1)]
    pairs = [
        (f, s) for s in range(1, len(targets) + 1) for f in range(1, FEEDS + 1) if (f + s) % 5 == 0
    ]
    rows: dict[str, list[tuple[object, ...]]] = {
        "feeds": feeds,
        "feed_items": [tuple(item) for item in items],
        "subscribers": [tuple(one) for one in subscribers],
        "feed_subscriptions": [(n, *pair) for n, pair in enumerate(pairs, 1)],
    }
    if version > 1:
        rows["server_settings"] = [
            (snowflake(n, 2), json.dumps(_nested(n))) for n in range(SERVERS)
        ]
        rows["bot_meta"] = [("voice_heartbeat", rfc3339(HEARTBEAT)), ("bot_version", "1")]
    return rows


def _flat(number: int) -> dict[str, object]:
    return {
        "enabled": True,
        "channel_id": str(snowflake(number * 50, 3)),
        "subscribe_role_id": str(snowflake(number, 4)) if number % 3 == 0 else None,
        "unsubscribe_role_id": None,
        "voice_tracking_enabled": (True, False, None)[number % 3],
    }


def _nested(number: int) -> dict[str, object]:
    flat = _flat(number)
    return {
        "feeds": {key: value for key, value in flat.items() if key != "voice_tracking_enabled"},
        "voice": {"enabled": flat["voice_tracking_enabled"]},
        "welcome": {
            "enabled": number % 4 == 0,
            "channel_id": None,
            "primary_color": None,
            "template_id": "1" if number % 4 == 0 else None,
            "messages": None,
        },
    }


def main(arguments: Sequence[str]) -> int:
    """Make one."""
    parser = argparse.ArgumentParser(prog="python -m tools.pwr_bot_database")
    parser.add_argument("era", choices=ERAS)
    parser.add_argument("sessions", type=int)
    parser.add_argument("place", help="a new file, or the URL of an empty PostgreSQL database")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.era == "postgres":
        make_postgres(options.place, options.sessions, options.seed)
    else:
        make_sqlite(Path(options.place), options.era, options.sessions, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

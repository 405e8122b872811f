"""The same questions in pwr-bot's way: its table, its indexes, its predicates.

Written from what its queries do (its last SQLite version, its PostgreSQL version for Diesel), not
copied from it. ``:current`` stands where they have CURRENT_TIMESTAMP and NOW(): the data ends at a
fixed moment. On SQLite times are text, RFC 3339, but ``:current`` is written with a space and
without a zone, as there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

SQLITE_SCHEMA: Final = """
CREATE TABLE voice_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    join_time TIMESTAMP NOT NULL,
    leave_time TIMESTAMP NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE bot_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

POSTGRES_SCHEMA: Final = """
CREATE TABLE voice_sessions (
    id SERIAL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    join_time TIMESTAMPTZ NOT NULL,
    leave_time TIMESTAMPTZ NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE bot_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

INDEXES: Final = """
CREATE UNIQUE INDEX voice_sessions_natural
ON voice_sessions (user_id, channel_id, join_time);
CREATE INDEX idx_voice_sessions_partner
ON voice_sessions (guild_id, channel_id, join_time, leave_time);
"""
"""Made once the rows are in. The first is the table's UNIQUE there, the same B-tree."""

_SQLITE_END: Final = "CASE WHEN is_active = 1 THEN :current ELSE leave_time END"
_SQLITE_DAILY: Final = f"""
SELECT
    user_id,
    date(join_time) AS day,
    SUM(strftime('%s', {_SQLITE_END}) - strftime('%s', join_time)) AS total_seconds
FROM voice_sessions
WHERE guild_id = :guild_id AND join_time >= :since AND join_time <= :until
GROUP BY user_id, day
"""

SQLITE: Final = {
    "leaderboard": f"""
SELECT
    user_id,
    SUM(
        strftime('%s', MIN(:until, {_SQLITE_END})) - strftime('%s', MAX(:since, join_time))
    ) AS total_duration
FROM voice_sessions
WHERE
    guild_id = :guild_id AND join_time <= :until
    AND (is_active = 1 OR leave_time >= :since)
GROUP BY user_id
ORDER BY total_duration DESC
LIMIT :limit OFFSET :offset
""",
    "partners": """
SELECT
    v2.user_id,
    SUM(
        strftime('%s', MIN(
            CASE WHEN v1.is_active = 1 THEN :current ELSE v1.leave_time END,
            CASE WHEN v2.is_active = 1 THEN :current ELSE v2.leave_time END
        )) - strftime('%s', MAX(v1.join_time, v2.join_time))
    ) AS total_duration
FROM voice_sessions AS v1
INNER JOIN voice_sessions AS v2
    ON v1.guild_id = v2.guild_id AND v1.channel_id = v2.channel_id AND v1.user_id <> v2.user_id
WHERE
    v1.user_id = :user_id AND v1.guild_id = :guild_id
    AND MAX(v1.join_time, v2.join_time) < MIN(
        CASE WHEN v1.is_active = 1 THEN :current ELSE v1.leave_time END,
        CASE WHEN v2.is_active = 1 THEN :current ELSE v2.leave_time END
    )
    AND v1.join_time >= :since AND v2.join_time >= :since
    AND v1.join_time <= :until AND v2.join_time <= :until
GROUP BY v2.user_id
ORDER BY total_duration DESC
LIMIT :limit OFFSET :offset
""",
    "member_daily": f"""
SELECT
    date(join_time) AS day,
    SUM(strftime('%s', {_SQLITE_END}) - strftime('%s', join_time)) AS total_seconds
FROM voice_sessions
WHERE
    user_id = :user_id AND guild_id = :guild_id
    AND join_time >= :since AND join_time <= :until
GROUP BY day
ORDER BY day
""",
    "guild_daily": f"""
SELECT
    day,
    SUM(total_seconds) AS value
FROM ({_SQLITE_DAILY})
GROUP BY day
ORDER BY day
""",
    "sessions_in_range": """
SELECT id, user_id, guild_id, channel_id, join_time, leave_time, is_active
FROM voice_sessions
WHERE guild_id = :guild_id AND join_time >= :since AND join_time <= :until
ORDER BY join_time
""",
    "join": """
INSERT INTO voice_sessions (user_id, guild_id, channel_id, join_time, leave_time, is_active)
VALUES (:user_id, :guild_id, :channel_id, :join_time, :join_time, 1)
RETURNING id
""",
    "leave": """
UPDATE voice_sessions
SET leave_time = :leave_time, is_active = 0
WHERE user_id = :user_id AND channel_id = :channel_id AND join_time = :join_time
""",
    "heartbeat": "REPLACE INTO bot_meta (key, value) VALUES (:key, :value) RETURNING key",
}

_POSTGRES_END: Final = "CASE WHEN is_active THEN :current ELSE leave_time END"

POSTGRES: Final = {
    "leaderboard": f"""
SELECT
    user_id,
    SUM(
        EXTRACT(EPOCH FROM LEAST(:until, {_POSTGRES_END}))::bigint
        - EXTRACT(EPOCH FROM GREATEST(:since, join_time))::bigint
    )::bigint AS total_duration
FROM voice_sessions
WHERE guild_id = :guild_id AND join_time <= :until AND (is_active OR leave_time >= :since)
GROUP BY user_id
ORDER BY total_duration DESC
LIMIT :limit OFFSET :offset
""",
    "partners": """
SELECT
    v2.user_id,
    SUM(
        EXTRACT(EPOCH FROM LEAST(
            CASE WHEN v1.is_active THEN :current ELSE v1.leave_time END,
            CASE WHEN v2.is_active THEN :current ELSE v2.leave_time END
        ))::bigint - EXTRACT(EPOCH FROM GREATEST(v1.join_time, v2.join_time))::bigint
    )::bigint AS total_duration
FROM voice_sessions AS v1
INNER JOIN voice_sessions AS v2
    ON v1.guild_id = v2.guild_id AND v1.channel_id = v2.channel_id AND v1.user_id <> v2.user_id
WHERE
    v1.user_id = :user_id AND v1.guild_id = :guild_id
    AND GREATEST(v1.join_time, v2.join_time) < LEAST(
        CASE WHEN v1.is_active THEN :current ELSE v1.leave_time END,
        CASE WHEN v2.is_active THEN :current ELSE v2.leave_time END
    )
    AND v1.join_time >= :since AND v2.join_time >= :since
    AND v1.join_time <= :until AND v2.join_time <= :until
GROUP BY v2.user_id
ORDER BY total_duration DESC
LIMIT :limit OFFSET :offset
""",
    "member_daily": f"""
SELECT
    join_time::date AS day,
    SUM(
        EXTRACT(EPOCH FROM {_POSTGRES_END})::bigint - EXTRACT(EPOCH FROM join_time)::bigint
    )::bigint AS total_seconds
FROM voice_sessions
WHERE
    user_id = :user_id AND guild_id = :guild_id
    AND join_time >= :since AND join_time <= :until
GROUP BY day
ORDER BY day
""",
    "guild_daily": f"""
SELECT
    day,
    SUM(total_seconds)::bigint AS value
FROM (
    SELECT
        user_id,
        join_time::date AS day,
        SUM(
            EXTRACT(EPOCH FROM {_POSTGRES_END})::bigint - EXTRACT(EPOCH FROM join_time)::bigint
        ) AS total_seconds
    FROM voice_sessions
    WHERE guild_id = :guild_id AND join_time >= :since AND join_time <= :until
    GROUP BY user_id, day
) AS daily
GROUP BY day
ORDER BY day
""",
    "sessions_in_range": SQLITE["sessions_in_range"],
    "active": """
SELECT id, user_id, guild_id, channel_id, join_time, leave_time, is_active
FROM voice_sessions
WHERE user_id = :user_id AND guild_id = :guild_id AND is_active = TRUE
""",
    "join": """
INSERT INTO voice_sessions (user_id, guild_id, channel_id, join_time, leave_time, is_active)
VALUES (:user_id, :guild_id, :channel_id, :join_time, :join_time, TRUE)
RETURNING id
""",
    "leave": """
UPDATE voice_sessions
SET leave_time = :leave_time, is_active = FALSE
WHERE
    user_id = :user_id AND channel_id = :channel_id AND join_time = :join_time
    AND is_active = TRUE
""",
    "heartbeat_read": "SELECT key, value FROM bot_meta WHERE key = :key",
    "heartbeat": "UPDATE bot_meta SET value = :value WHERE key = :key",
}

EVERYTHING: Final = 4_294_967_295
"""The limit with which its command asks: the whole board, of which it shows ten lines."""


def stored(moment: datetime) -> str:
    """A time as it stands in its SQLite file: RFC 3339 with 0, 3 or 6 digits of a second."""
    fine = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=fine if moment.microsecond else "seconds")


def current(moment: datetime) -> str:
    """What CURRENT_TIMESTAMP is at that moment on SQLite."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"

"""The same questions in the plain form: sessions in one table, added up when somebody asks.

What one writes who knows SQL well: half-open ranges clipped at both edges, times that are times,
covering indexes, partners bounded by the longest session. The first three texts are those that
pwrbot itself had before its roll-ups.
"""

from __future__ import annotations

from typing import Final

SQLITE_SCHEMA: Final = """
CREATE TABLE voice_sessions (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id, joined_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE open_voice_sessions (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;
"""

POSTGRES_SCHEMA: Final = """
CREATE TABLE voice_sessions (
    guild_id bigint NOT NULL,
    user_id bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    channel_id bigint NOT NULL,
    left_at timestamptz NOT NULL
);
CREATE TABLE open_voice_sessions (
    guild_id bigint NOT NULL,
    user_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);
"""

SQLITE_INDEXES: Final = """
CREATE INDEX voice_sessions_channel
ON voice_sessions (guild_id, channel_id, joined_at, left_at, user_id);
CREATE INDEX voice_sessions_ended ON voice_sessions (guild_id, left_at, joined_at, user_id);
CREATE INDEX voice_sessions_length ON voice_sessions (guild_id, (left_at - joined_at));
"""

POSTGRES_INDEXES: Final = """
ALTER TABLE voice_sessions
ADD PRIMARY KEY (guild_id, user_id, joined_at) INCLUDE (channel_id, left_at);
""" + SQLITE_INDEXES.replace(
    "(guild_id, left_at, joined_at, user_id)", "(guild_id, left_at) INCLUDE (joined_at, user_id)"
)
"""Made once the rows are in."""

_SPANS: Final = """
    SELECT
        {what},
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE guild_id = :guild_id AND left_at > :since AND joined_at < :until
    UNION ALL
    SELECT
        {what},
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
    FROM open_voice_sessions
    WHERE guild_id = :guild_id AND joined_at < :until
"""

_LONGEST: Final = """(
    SELECT longest.left_at - longest.joined_at AS length
    FROM voice_sessions AS longest
    WHERE longest.guild_id = :guild_id
    ORDER BY longest.left_at - longest.joined_at DESC
    LIMIT 1
)"""

_TOTALS: Final = """
SELECT
    user_id,
    total,
    ROW_NUMBER() OVER (ORDER BY total DESC, user_id) AS place,
    COUNT(*) OVER () AS members
FROM totals
ORDER BY total DESC, user_id
LIMIT :limit OFFSET :offset
"""

_TEXTS: Final = {
    "leaderboard": f"""
WITH spans AS ({_SPANS.format(what="user_id")}),

totals AS (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM spans
    WHERE ended_at > started_at
    GROUP BY user_id
)
{_TOTALS}""",
    "partners": f"""
WITH own AS (
    SELECT
        channel_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE
        guild_id = :guild_id AND user_id = :user_id AND left_at > :since AND joined_at < :until
    UNION ALL
    SELECT
        channel_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
    FROM open_voice_sessions
    WHERE guild_id = :guild_id AND user_id = :user_id AND joined_at < :until
),

shared AS (
    SELECT
        other.user_id,
        CASE
            WHEN other.joined_at > own.started_at THEN other.joined_at ELSE own.started_at
        END AS started_at,
        CASE WHEN other.left_at < own.ended_at THEN other.left_at ELSE own.ended_at END AS ended_at
    FROM own
    CROSS JOIN voice_sessions AS other
    WHERE
        other.guild_id = :guild_id
        AND other.channel_id = own.channel_id
        AND other.joined_at < own.ended_at
        AND other.joined_at > own.started_at - {_LONGEST}
        AND other.left_at > own.started_at
        AND other.user_id <> :user_id
    UNION ALL
    SELECT
        other.user_id,
        CASE
            WHEN other.joined_at > own.started_at THEN other.joined_at ELSE own.started_at
        END AS started_at,
        CASE WHEN :now < own.ended_at THEN :now ELSE own.ended_at END AS ended_at
    FROM own
    CROSS JOIN open_voice_sessions AS other
    WHERE
        other.guild_id = :guild_id
        AND other.channel_id = own.channel_id
        AND other.joined_at < own.ended_at
        AND other.user_id <> :user_id
        AND own.ended_at > (
            SELECT MIN(running.joined_at) AS joined_at
            FROM open_voice_sessions AS running
            WHERE running.guild_id = :guild_id
        )
),

totals AS (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM shared
    WHERE ended_at > started_at
    GROUP BY user_id
)
{_TOTALS}""",
    "spans": f"""
SELECT
    channel_id,
    started_at,
    ended_at
FROM ({
        _SPANS.format(what="channel_id").replace(
            "guild_id = :guild_id AND", "guild_id = :guild_id AND user_id = :user_id AND"
        )
    }) AS spans
WHERE ended_at > started_at
ORDER BY started_at, ended_at
""",
    "channels": f"""
SELECT
    channel_id,
    SUM(ended_at - started_at) AS total
FROM ({_SPANS.format(what="channel_id")}) AS spans
WHERE ended_at > started_at
GROUP BY channel_id
ORDER BY total DESC, channel_id
""",
    "between": f"""
SELECT
    since,
    SUM(total) AS total
FROM (
    SELECT
        stretches.since,
        CASE WHEN spans.left_at < stretches.until THEN spans.left_at ELSE stretches.until END
        - CASE WHEN spans.joined_at > stretches.since THEN spans.joined_at ELSE stretches.since END
        AS total
    FROM {{stretches}}
    CROSS JOIN voice_sessions AS spans
    WHERE
        spans.guild_id = :guild_id
        AND spans.left_at > stretches.since
        AND spans.left_at < stretches.until + {_LONGEST}
        AND spans.joined_at < stretches.until
    UNION ALL
    SELECT
        stretches.since,
        CASE WHEN :now < stretches.until THEN :now ELSE stretches.until END
        - CASE WHEN spans.joined_at > stretches.since THEN spans.joined_at ELSE stretches.since END
        AS total
    FROM {{stretches}}
    CROSS JOIN open_voice_sessions AS spans
    WHERE
        spans.guild_id = :guild_id
        AND spans.joined_at < stretches.until
        AND :now > stretches.since
) AS pieces
GROUP BY since
ORDER BY since
""",
}
"""``between``: the time of all members in each stretch of a list, such as the days of a year."""

_SQLITE_STRETCHES: Final = """(
    SELECT
        CAST(json_extract(value, '$[0]') AS INTEGER) AS since,
        CAST(json_extract(value, '$[1]') AS INTEGER) AS until
    FROM json_each(:stretches)
) AS stretches"""

_POSTGRES_STRETCHES: Final = "unnest(:starts, :ends) AS stretches (since, until)"

SQLITE: Final = {
    name: text.replace("{stretches}", _SQLITE_STRETCHES) for name, text in _TEXTS.items()
}
POSTGRES: Final = {
    name: text.replace("{stretches}", _POSTGRES_STRETCHES) for name, text in _TEXTS.items()
}

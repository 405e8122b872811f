-- What cuts sessions at midnight UTC: a time is a number of microseconds here.

-- name: add :rows
-- Adds sessions that ended, all or none: many in one statement, so that the roll-ups are brought up
-- to them together. The first of each list is one session.
-- crosses guilds: an import stores those of many servers together
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    value AS guild_id,
    JSON_EXTRACT(:user_ids, '$[' || key || ']') AS user_id,
    JSON_EXTRACT(:joined_ats, '$[' || key || ']') AS joined_at,
    JSON_EXTRACT(:channel_ids, '$[' || key || ']') AS channel_id,
    JSON_EXTRACT(:left_ats, '$[' || key || ']') AS left_at
FROM JSON_EACH(:guild_ids);

-- name: end :rows
-- Stores open sessions as ended, each at its moment. One that would be empty is not kept, nor one
-- longer than :longest, which only a clock that was wrong can make.
-- The first of each list is one session.
-- crosses guilds: a burst of many servers' events is stored together
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    running.guild_id,
    running.user_id,
    running.joined_at,
    running.channel_id,
    ended.left_at
FROM (
    SELECT
        value AS guild_id,
        JSON_EXTRACT(:user_ids, '$[' || key || ']') AS user_id,
        JSON_EXTRACT(:left_ats, '$[' || key || ']') AS left_at
    FROM JSON_EACH(:guild_ids)
) AS ended
CROSS JOIN open_voice_sessions AS running
WHERE
    ended.guild_id = running.guild_id AND ended.user_id = running.user_id
    AND running.joined_at < ended.left_at
    AND ended.left_at - running.joined_at <= :longest;

-- name: spans :many
-- A member's sessions within the range, clipped to it, in the order they began. Those of up to two
-- days are found by when they began, longer ones by when they ended: not the whole history is read.
SELECT
    channel_id,
    CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
    CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id = :user_id
    AND joined_at > :since - 172800000000 AND joined_at < :until
    AND left_at > :since AND :since < :until
    AND left_at > joined_at
UNION ALL
SELECT
    channel_id,
    :since AS started_at,
    CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id = :user_id
    AND left_at - joined_at > 172800000000
    AND :since - joined_at >= 172800000000
    AND left_at > :since AND :since < :until
UNION ALL
SELECT
    channel_id,
    CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
    CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
FROM open_voice_sessions
WHERE
    guild_id = :guild_id AND user_id = :user_id
    AND joined_at < :until AND joined_at < :now AND :now > :since AND :since < :until
ORDER BY started_at, ended_at;

-- name: partners :many
-- A page of the other members by the time they shared a channel with this one within the range,
-- longest first; ties by user_id. Each of the member's days in a channel meets the segments of that
-- day and channel alone, however long the history.
-- LIKELIHOOD keeps SQLite from taking a member's days for a million: for so many it would make a
-- Bloom filter of all segments there are.
WITH RECURSIVE own AS (
    SELECT
        channel_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE
        guild_id = :guild_id AND user_id = :user_id
        AND joined_at > :since - 172800000000 AND joined_at < :until
        AND left_at > :since
    UNION ALL
    SELECT
        channel_id,
        :since AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE
        guild_id = :guild_id AND user_id = :user_id
        AND left_at - joined_at > 172800000000
        AND :since - joined_at >= 172800000000
        AND left_at > :since
    UNION ALL
    SELECT
        channel_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
    FROM open_voice_sessions
    WHERE guild_id = :guild_id AND user_id = :user_id AND joined_at < :until
),

own_days AS (
    SELECT
        channel_id,
        started_at,
        ended_at,
        started_at - (started_at % 86400000000 + 86400000000) % 86400000000 AS midnight,
        CAST(
            STRFTIME(
                '%Y%m%d',
                (started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 1000000,
                'unixepoch'
            ) AS INTEGER
        ) AS day
    FROM own
    WHERE ended_at > started_at
    UNION ALL
    SELECT
        channel_id,
        started_at,
        ended_at,
        midnight + 86400000000 AS midnight,
        CAST(STRFTIME('%Y%m%d', midnight / 1000000 + 86400, 'unixepoch') AS INTEGER) AS day
    FROM own_days
    WHERE midnight + 86400000000 < ended_at
),

shared AS (
    SELECT
        other.user_id,
        CASE
            WHEN other.started_at > own.started_at THEN other.started_at ELSE own.started_at
        END AS started_at,
        CASE WHEN other.ended_at < own.ended_at THEN other.ended_at ELSE own.ended_at END
            AS ended_at
    FROM own_days AS own
    CROSS JOIN voice_segments AS other
    WHERE
        LIKELIHOOD(own.ended_at > own.started_at, 0.0001)
        AND other.guild_id = :guild_id
        AND other.day = own.day
        AND other.channel_id = own.channel_id
        AND other.started_at < own.ended_at
        AND other.ended_at > own.started_at
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
        LIKELIHOOD(own.ended_at > own.started_at, 0.0001)
        AND other.guild_id = :guild_id
        AND other.channel_id = own.channel_id
        AND other.joined_at < own.ended_at
        AND other.user_id <> :user_id
        -- Of a long history nearly all had ended before the first who is there now came.
        AND own.ended_at > (
            SELECT MIN(running.joined_at) AS joined_at
            FROM open_voice_sessions AS running
            WHERE running.guild_id = :guild_id
        )
),

totals AS MATERIALIZED (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM shared
    WHERE ended_at > started_at
    GROUP BY user_id
),

page AS (
    SELECT
        user_id,
        total
    FROM totals
    ORDER BY total DESC, user_id
    LIMIT :limit OFFSET :offset
)

SELECT
    user_id,
    total,
    :offset + ROW_NUMBER() OVER (ORDER BY total DESC, user_id) AS place,
    (SELECT COUNT(*) AS members FROM totals) AS members
FROM page
ORDER BY place;

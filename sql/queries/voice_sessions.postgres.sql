-- What cuts sessions at midnight UTC: the bot's connections live in that zone.

-- name: add :rows
-- Adds sessions that ended, all or none: many in one statement, so that the roll-ups are brought up
-- to them together. The first of each list is one session.
-- crosses guilds: an import stores those of many servers together
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    given.guild_id,
    given.user_id,
    given.joined_at,
    given.channel_id,
    given.left_at
FROM
    UNNEST(:guild_ids, :user_ids, :joined_ats, :channel_ids, :left_ats)
        AS given (guild_id, user_id, joined_at, channel_id, left_at);

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
FROM UNNEST(:guild_ids, :user_ids, :left_ats) AS ended (guild_id, user_id, left_at)
INNER JOIN open_voice_sessions AS running
    ON ended.guild_id = running.guild_id AND ended.user_id = running.user_id
WHERE
    running.joined_at < ended.left_at
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
    AND joined_at > :since - INTERVAL '48 hours' AND joined_at < :until
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
    AND left_at - joined_at > INTERVAL '48 hours'
    AND :since - joined_at >= INTERVAL '48 hours'
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
-- notnull user_id: a column that is never NULL, out of a subquery
WITH own AS (
    SELECT
        channel_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE
        guild_id = :guild_id AND user_id = :user_id
        AND joined_at > :since - INTERVAL '48 hours' AND joined_at < :until
        AND left_at > :since
    UNION ALL
    SELECT
        channel_id,
        :since AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE
        guild_id = :guild_id AND user_id = :user_id
        AND left_at - joined_at > INTERVAL '48 hours'
        AND :since - joined_at >= INTERVAL '48 hours'
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
        own.channel_id,
        own.started_at,
        own.ended_at,
        CAST(TO_CHAR(cut.midnight, 'YYYYMMDD') AS BIGINT) AS day
    FROM own
    CROSS JOIN
        GENERATE_SERIES(
            DATE_TRUNC('day', own.started_at),
            own.ended_at - INTERVAL '1 microsecond',
            INTERVAL '1 day'
        ) AS cut (midnight)
    WHERE own.ended_at > own.started_at
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
    CROSS JOIN
        LATERAL (
            -- OFFSET keeps the planner from joining the other way round, by channel and not by
            -- day: it does not know how few days a session has.
            SELECT
                segments.user_id,
                segments.started_at,
                segments.ended_at
            FROM voice_segments AS segments
            WHERE
                segments.guild_id = :guild_id
                AND segments.day = own.day
                AND segments.channel_id = own.channel_id
                AND segments.started_at < own.ended_at
                AND segments.ended_at > own.started_at
                AND segments.user_id <> :user_id
            ORDER BY segments.started_at, segments.user_id
            OFFSET 0
        ) AS other
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
),

totals AS (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM shared
    WHERE ended_at > started_at
    GROUP BY user_id
)

SELECT
    user_id,
    total,
    ROW_NUMBER() OVER (ORDER BY total DESC, user_id) AS place,
    COUNT(*) OVER () AS members
FROM totals
ORDER BY total DESC, user_id
LIMIT :limit OFFSET :offset;

-- What cuts sessions at midnight UTC: a time is a number of microseconds here.

-- name: wrong :many
-- Segments of a guild that are not its sessions cut at midnight: what is kept and what is right,
-- zero where there should be none or none is there.
-- notnull period: made of columns that are never NULL
-- notnull id: made of columns that are never NULL
-- notnull kept: made of columns that are never NULL
-- notnull correct: made of columns that are never NULL
WITH RECURSIVE pieces AS (
    SELECT
        user_id,
        channel_id,
        joined_at,
        left_at,
        joined_at - (joined_at % 86400000000 + 86400000000) % 86400000000 AS midnight
    FROM voice_sessions
    WHERE guild_id = :guild_id AND left_at > joined_at
    UNION ALL
    SELECT
        user_id,
        channel_id,
        joined_at,
        left_at,
        midnight + 86400000000 AS midnight
    FROM pieces
    WHERE midnight + 86400000000 < left_at
),

cut AS (
    SELECT
        user_id,
        channel_id,
        CAST(STRFTIME('%Y%m%d', midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
        MAX(joined_at, midnight) AS started_at,
        MIN(left_at, midnight + 86400000000) AS ended_at
    FROM pieces
),

both_ways AS (
    SELECT
        day,
        user_id,
        channel_id,
        started_at,
        ended_at - started_at AS kept,
        started_at - started_at AS correct
    FROM voice_segments
    WHERE guild_id = :guild_id
    UNION ALL
    SELECT
        day,
        user_id,
        channel_id,
        started_at,
        started_at - started_at AS kept,
        ended_at - started_at AS correct
    FROM cut
)

SELECT
    day AS period,
    user_id AS id,
    SUM(kept) AS kept,
    SUM(correct) AS correct
FROM both_ways
GROUP BY day, user_id, channel_id, started_at
HAVING SUM(kept) <> SUM(correct)
ORDER BY day, user_id, channel_id, started_at;

-- name: rebuild :exec
-- Cuts all sessions of a guild anew, once everything was cleared; the triggers add them up.
INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
WITH RECURSIVE pieces AS (
    SELECT
        user_id,
        channel_id,
        joined_at,
        left_at,
        joined_at - (joined_at % 86400000000 + 86400000000) % 86400000000 AS midnight
    FROM voice_sessions
    WHERE guild_id = :guild_id AND left_at > joined_at
    UNION ALL
    SELECT
        user_id,
        channel_id,
        joined_at,
        left_at,
        midnight + 86400000000 AS midnight
    FROM pieces
    WHERE midnight + 86400000000 < left_at
)

SELECT
    :guild_id AS guild_id,
    CAST(STRFTIME('%Y%m%d', midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
    channel_id,
    MAX(joined_at, midnight) AS started_at,
    user_id,
    MIN(left_at, midnight + 86400000000) AS ended_at
FROM pieces;

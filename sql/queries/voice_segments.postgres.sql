-- What cuts sessions at midnight UTC: the bot's connections live in that zone.

-- name: wrong :many
-- Segments of a guild that are not its sessions cut at midnight: what is kept and what is right,
-- zero where there should be none or none is there.
-- notnull period: made of columns that are never NULL
-- notnull kept: made of columns that are never NULL
-- notnull correct: made of columns that are never NULL
WITH cut AS (
    SELECT
        sessions.user_id,
        sessions.channel_id,
        CAST(TO_CHAR(cut.midnight, 'YYYYMMDD') AS BIGINT) AS day,
        GREATEST(sessions.joined_at, cut.midnight) AS started_at,
        LEAST(sessions.left_at, cut.midnight + INTERVAL '1 day') AS ended_at
    FROM voice_sessions AS sessions
    CROSS JOIN
        GENERATE_SERIES(
            DATE_TRUNC('day', sessions.joined_at),
            sessions.left_at - INTERVAL '1 microsecond',
            INTERVAL '1 day'
        ) AS cut (midnight)
    WHERE sessions.guild_id = :guild_id AND sessions.left_at > sessions.joined_at
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
SELECT
    sessions.guild_id,
    CAST(TO_CHAR(cut.midnight, 'YYYYMMDD') AS BIGINT) AS day,
    sessions.channel_id,
    GREATEST(sessions.joined_at, cut.midnight) AS started_at,
    sessions.user_id,
    LEAST(sessions.left_at, cut.midnight + INTERVAL '1 day') AS ended_at
FROM voice_sessions AS sessions
CROSS JOIN
    GENERATE_SERIES(
        DATE_TRUNC('day', sessions.joined_at),
        sessions.left_at - INTERVAL '1 microsecond',
        INTERVAL '1 day'
    ) AS cut (midnight)
WHERE sessions.guild_id = :guild_id AND sessions.left_at > sessions.joined_at;

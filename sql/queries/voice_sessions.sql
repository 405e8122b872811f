-- Times in voice. A range is [:since, :until), clipped at both edges; a session still open counts
-- up to :now. CASE instead of MIN, MAX, LEAST and GREATEST: both engines know it.

-- name: end :rows
-- Stores the open sessions of these members as ended; one that would be empty is not kept.
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    guild_id,
    user_id,
    joined_at,
    channel_id,
    :left_at AS left_at
FROM open_voice_sessions
WHERE guild_id = :guild_id AND user_id IN (:user_ids) AND joined_at < :left_at;

-- name: end_all :rows
-- Stores every open session as ended; one that would be empty is not kept.
-- crosses guilds: recovery after a crash, and a bot that stops, end them all
-- scan open_voice_sessions: all of the few that are open are meant
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    guild_id,
    user_id,
    joined_at,
    channel_id,
    :left_at AS left_at
FROM open_voice_sessions
WHERE joined_at < :left_at;

-- name: leaderboard :many
-- A page of the members of a guild by their time within the range, longest first; ties by user_id.
WITH spans AS (
    SELECT
        user_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE guild_id = :guild_id AND left_at > :since AND joined_at < :until
    UNION ALL
    SELECT
        user_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
    FROM open_voice_sessions
    WHERE guild_id = :guild_id AND joined_at < :until
),

totals AS (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM spans
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

-- name: standing :maybe
-- One member's line of the leaderboard; none where they have no time within the range.
WITH spans AS (
    SELECT
        user_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
    FROM voice_sessions
    WHERE guild_id = :guild_id AND left_at > :since AND joined_at < :until
    UNION ALL
    SELECT
        user_id,
        CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
        CASE WHEN :now < :until THEN :now ELSE :until END AS ended_at
    FROM open_voice_sessions
    WHERE guild_id = :guild_id AND joined_at < :until
),

totals AS (
    SELECT
        user_id,
        SUM(ended_at - started_at) AS total
    FROM spans
    WHERE ended_at > started_at
    GROUP BY user_id
),

places AS (
    SELECT
        user_id,
        total,
        ROW_NUMBER() OVER (ORDER BY total DESC, user_id) AS place,
        COUNT(*) OVER () AS members
    FROM totals
)

SELECT
    user_id,
    total,
    place,
    members
FROM places
WHERE user_id = :user_id;

-- name: partners :many
-- A page of the other members by the time they shared a channel with this one within the range,
-- longest first; ties by user_id. An overlapping session began less than the guild's longest
-- session before the member's own: that bound keeps the search to a range of the index.
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
        AND other.joined_at > own.started_at - (
            SELECT longest.left_at - longest.joined_at AS length
            FROM voice_sessions AS longest
            WHERE longest.guild_id = :guild_id
            ORDER BY longest.left_at - longest.joined_at DESC
            LIMIT 1
        )
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

-- name: spans :many
-- A member's sessions within the range, clipped to it, in the order they began.
SELECT
    channel_id,
    CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS started_at,
    CASE WHEN left_at < :until THEN left_at ELSE :until END AS ended_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id = :user_id
    AND left_at > :since AND joined_at < :until AND :since < :until
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

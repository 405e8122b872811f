-- Times in voice. A range is [:since, :until), clipped at both edges; a session still open counts
-- up to :now. CASE instead of MIN, MAX, LEAST and GREATEST: both engines know it.

-- name: end_all :rows
-- Stores as ended the open sessions of every guild that is on one of :shard_ids of :shard_count
-- and was on one of :former_ids of :former_count; one that would be empty, or longer than :longest,
-- is not kept. A guild's shard is its id / 2^22 modulo their number (pwrbot/shards.py).
-- crosses guilds: recovery after a crash ends those of all guilds of a process
-- scan open_voice_sessions: the few that are open are looked through, once at the start
INSERT INTO voice_sessions (guild_id, user_id, joined_at, channel_id, left_at)
SELECT
    guild_id,
    user_id,
    joined_at,
    channel_id,
    :left_at AS left_at
FROM open_voice_sessions
WHERE
    joined_at < :left_at
    AND :left_at - joined_at <= :longest
    AND guild_id / 4194304 % :shard_count IN (:shard_ids)
    AND guild_id / 4194304 % :former_count IN (:former_ids);

-- name: leaderboard :many
-- A page of the members of a guild by their time within the range, longest first, ties by user_id:
-- those with at least :least, from the place after :offset on. The line of :viewer_id comes along
-- whatever its place. With :hide_left nobody who left has a place. The range is put together from
-- roll-ups (pwrbot/services/cover.py). SQLite would write the parts down before it adds them up.
WITH parts AS NOT MATERIALIZED (
    SELECT
        user_id,
        total
    FROM voice_member_totals
    WHERE guild_id = :guild_id AND period IN (:added)
    UNION ALL
    SELECT
        user_id,
        -total AS total
    FROM voice_member_totals
    WHERE guild_id = :guild_id AND period IN (:taken)
    UNION ALL
    SELECT
        user_id,
        -total AS total
    FROM voice_member_totals
    WHERE guild_id = :guild_id AND period >= 100 AND period < :first_year
    UNION ALL
    SELECT
        user_id,
        -total AS total
    FROM voice_member_totals
    WHERE guild_id = :guild_id AND period > :last_year AND period <= 9999
    UNION ALL
    SELECT
        user_id,
        CASE WHEN ended_at < :until THEN ended_at ELSE :until END
        - CASE WHEN started_at > :since THEN started_at ELSE :since END AS total
    FROM voice_segments
    WHERE
        guild_id = :guild_id AND day IN (:edges)
        AND started_at < :until AND ended_at > :since
    UNION ALL
    SELECT
        user_id,
        CASE WHEN :now < :until THEN :now ELSE :until END
        - CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS total
    FROM open_voice_sessions
    WHERE
        guild_id = :guild_id AND joined_at < :until AND joined_at < :now
        AND :since < :now AND :since < :until
),

totals AS (
    SELECT
        user_id,
        SUM(total) AS total
    FROM parts
    WHERE
        :hide_left = FALSE
        OR user_id NOT IN (
            SELECT user_id
            FROM voice_departures
            WHERE guild_id = :guild_id
        )
    GROUP BY user_id
    HAVING SUM(total) >= :least
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
UNION ALL
SELECT
    own.user_id,
    own.total,
    1 + (
        SELECT COUNT(*) AS ahead
        FROM totals AS other
        WHERE
            other.total > own.total
            OR (other.total = own.total AND other.user_id < own.user_id)
    ) AS place,
    (SELECT COUNT(*) AS members FROM totals) AS members
FROM totals AS own
WHERE own.user_id = :viewer_id AND own.user_id NOT IN (SELECT user_id FROM page)
ORDER BY place;

-- name: channels :many
-- A page of the channels of a guild by the time all members together spent there within the range,
-- longest first, ties by channel_id. The range is put together from roll-ups, as above, by months:
-- a guild has few channels.
WITH parts AS NOT MATERIALIZED (
    SELECT
        channel_id,
        total
    FROM voice_channel_totals
    WHERE guild_id = :guild_id AND period BETWEEN :first_month AND :last_month
    UNION ALL
    SELECT
        channel_id,
        total
    FROM voice_channel_totals
    WHERE guild_id = :guild_id AND period IN (:days)
    UNION ALL
    SELECT
        channel_id,
        CASE WHEN ended_at < :until THEN ended_at ELSE :until END
        - CASE WHEN started_at > :since THEN started_at ELSE :since END AS total
    FROM voice_segments
    WHERE
        guild_id = :guild_id AND day IN (:edges)
        AND started_at < :until AND ended_at > :since
    UNION ALL
    SELECT
        channel_id,
        CASE WHEN :now < :until THEN :now ELSE :until END
        - CASE WHEN joined_at > :since THEN joined_at ELSE :since END AS total
    FROM open_voice_sessions
    WHERE
        guild_id = :guild_id AND joined_at < :until AND joined_at < :now
        AND :since < :now AND :since < :until
),

totals AS (
    SELECT
        channel_id,
        SUM(total) AS total
    FROM parts
    GROUP BY channel_id
    HAVING SUM(total) >= :least
)

SELECT
    channel_id,
    total,
    ROW_NUMBER() OVER (ORDER BY total DESC, channel_id) AS place,
    COUNT(*) OVER () AS channels
FROM totals
ORDER BY total DESC, channel_id
LIMIT :limit OFFSET :offset;

-- name: taken :many
-- When a member has sessions within the range, open ones up to its end, in the order they began.
-- Unlike voice_sessions.spans it gives those of no length too: their key is taken.
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
    :until AS ended_at
FROM open_voice_sessions
WHERE guild_id = :guild_id AND user_id = :user_id AND joined_at < :until AND :since < :until
ORDER BY started_at, ended_at;

-- name: tallies :many
-- How many sessions of each member began within the range, and the time in them.
SELECT
    user_id,
    COUNT(*) AS sessions,
    SUM(left_at - joined_at) AS total
FROM voice_sessions
WHERE
    guild_id = :guild_id
    AND (:user_id IS NULL OR user_id = :user_id)
    AND (:channel_id IS NULL OR channel_id = :channel_id)
    AND (:since IS NULL OR joined_at >= :since)
    AND joined_at < :until
GROUP BY user_id
ORDER BY user_id;

-- name: nth_start :many
-- When sessions of a member, in the order they began, did begin.
SELECT joined_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id = :user_id
    AND (:channel_id IS NULL OR channel_id = :channel_id)
    AND (:since IS NULL OR joined_at >= :since)
    AND joined_at < :until
ORDER BY joined_at
LIMIT :limit OFFSET :offset;

-- name: across :many
-- The sessions that began before a moment and ended after it; :day is the day of UTC in which the
-- microsecond before that moment lies.
SELECT
    sessions.guild_id,
    sessions.user_id,
    sessions.joined_at,
    sessions.channel_id,
    sessions.left_at
FROM voice_segments AS segments
INNER JOIN voice_sessions AS sessions
    ON
        segments.guild_id = sessions.guild_id
        AND segments.user_id = sessions.user_id
        AND segments.channel_id = sessions.channel_id
WHERE
    segments.guild_id = :guild_id AND segments.day = :day
    AND sessions.guild_id = :guild_id
    AND segments.started_at < :moment AND segments.ended_at >= :moment
    AND sessions.joined_at < :moment AND sessions.left_at > :moment
    AND (:user_id IS NULL OR sessions.user_id = :user_id)
    AND (:channel_id IS NULL OR sessions.channel_id = :channel_id)
ORDER BY sessions.user_id, sessions.joined_at;

-- name: forget :rows
-- Deletes the sessions of these members that began within the range.
DELETE FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id IN (:user_ids)
    AND (:channel_id IS NULL OR channel_id = :channel_id)
    AND (:since IS NULL OR joined_at >= :since)
    AND joined_at < :until;

-- name: overlapping :many
-- The sessions of these members that have time within the range, or begin in it.
SELECT
    guild_id,
    user_id,
    joined_at,
    channel_id,
    left_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id IN (:user_ids)
    AND joined_at < :until AND (left_at > :since OR joined_at >= :since)
ORDER BY user_id, joined_at;

-- name: forget_user :rows
-- Deletes every session of a user, and by the triggers what they added up to.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_sessions: asked for by hand, once in a long while
DELETE FROM voice_sessions
WHERE user_id = :user_id;

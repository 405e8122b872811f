-- name: voice_sessions :stream
-- A session, those of a member together. One still running was one that left when it joined.
SELECT
    guild_id,
    user_id,
    channel_id,
    join_time,
    leave_time,
    CASE WHEN leave_time = join_time THEN 1 ELSE 0 END AS is_active
FROM voice_sessions
ORDER BY guild_id, user_id, id;

-- name: voice_sessions_total :value
-- How many sessions there are.
SELECT COUNT(*) AS total
FROM voice_sessions;

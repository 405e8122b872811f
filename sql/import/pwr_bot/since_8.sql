-- name: voice_sessions :stream
-- A session, those of a member together, and whether it was still running.
SELECT
    guild_id,
    user_id,
    channel_id,
    join_time,
    leave_time,
    is_active
FROM voice_sessions
ORDER BY guild_id, user_id, id;

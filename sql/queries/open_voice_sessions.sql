-- name: in_guild :many
-- The sessions now open in a guild.
SELECT
    guild_id,
    user_id,
    channel_id,
    joined_at
FROM open_voice_sessions
WHERE guild_id = :guild_id
ORDER BY user_id;

-- name: remove_all :rows
-- Takes away every open session, once voice_sessions.end_all has stored them.
-- crosses guilds: recovery after a crash, and a bot that stops, end them all
-- scan open_voice_sessions: all of the few that are open are meant
DELETE FROM open_voice_sessions;

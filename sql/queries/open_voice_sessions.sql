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

-- name: restart :rows
-- Has a session count from :now on; 0 where it is no longer the one that began at :joined_at.
UPDATE open_voice_sessions
SET joined_at = :now
WHERE guild_id = :guild_id AND user_id = :user_id AND joined_at = :joined_at;

-- name: remove_all :rows
-- Takes away every open session that voice_sessions.end_all means by the same parameters, once that
-- has stored them.
-- crosses guilds: recovery after a crash ends those of all guilds of a process
-- scan open_voice_sessions: the few that are open are looked through, once at the start
DELETE FROM open_voice_sessions
WHERE
    guild_id / 4194304 % :shard_count IN (:shard_ids)
    AND guild_id / 4194304 % :former_count IN (:former_ids);

-- name: forget_user :rows
-- Deletes what a user left open, uncounted.
-- crosses guilds: what is kept about a user lies in all of them
-- scan open_voice_sessions: the few that are open
DELETE FROM open_voice_sessions
WHERE user_id = :user_id;

-- name: among :many
-- Those of these members who left.
SELECT
    guild_id,
    user_id,
    name,
    checked_at
FROM voice_departures
WHERE guild_id = :guild_id AND user_id IN (:user_ids)
ORDER BY user_id;

-- name: oldest :many
-- Those whose absence was found the longest ago.
-- crosses guilds: the sweep looks after all guilds of a process
-- scan voice_departures: small beside the members, and read every ten minutes
SELECT
    guild_id,
    user_id,
    name,
    checked_at
FROM voice_departures
WHERE guild_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY checked_at, guild_id, user_id
LIMIT :limit;

-- name: forget_returned :rows
-- Who is in voice is back.
-- crosses guilds: the sweep looks after all of them
-- scan voice_departures: small beside the members, and read every ten minutes
DELETE FROM voice_departures
WHERE EXISTS (
    SELECT 1 AS one
    FROM open_voice_sessions
    WHERE
        open_voice_sessions.guild_id = voice_departures.guild_id
        AND open_voice_sessions.user_id = voice_departures.user_id
);

-- name: forget_user :rows
-- Deletes which servers a user left, and their name there.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_departures: small beside the members
DELETE FROM voice_departures
WHERE user_id = :user_id;

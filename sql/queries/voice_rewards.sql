-- name: of_guild :many
-- The rules of a guild.
SELECT
    guild_id,
    role_id,
    look_back,
    least,
    top,
    enabled,
    ending,
    due_at,
    problem
FROM voice_rewards
WHERE guild_id = :guild_id
ORDER BY role_id;

-- name: due :many
-- The rules in force that are to be looked at, the longest waiting first; also those whose time
-- lies beyond :beyond, which only a clock that ran ahead can have written.
-- crosses guilds: one pass looks after all guilds of a process
-- scan voice_rewards: a few rules for each server
SELECT
    guild_id,
    role_id,
    look_back,
    least,
    top,
    enabled,
    ending,
    due_at,
    problem
FROM voice_rewards
WHERE
    enabled = TRUE AND (due_at <= :now OR due_at > :beyond)
    AND guild_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY due_at, guild_id, role_id
LIMIT :limit;

-- name: settle :rows
-- Notes how a look at a rule went, and when the next one is.
UPDATE voice_rewards
SET
    due_at = :due_at,
    problem = :problem
WHERE guild_id = :guild_id AND role_id = :role_id;

-- name: switch :rows
-- Puts a rule in force or out of it.
UPDATE voice_rewards
SET
    enabled = :enabled,
    ending = :ending,
    due_at = :due_at,
    problem = NULL
WHERE guild_id = :guild_id AND role_id = :role_id;

-- name: drop_ending :rows
-- Drops a rule whose role is taken back; 0 where it was made anew, or put in force, meanwhile.
DELETE FROM voice_rewards
WHERE guild_id = :guild_id AND role_id = :role_id AND ending = TRUE;

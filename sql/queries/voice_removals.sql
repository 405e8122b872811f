-- name: latest :maybe
-- The last reset of a guild that has not been undone.
SELECT
    guild_id,
    removal_id,
    asked_by,
    asked_at,
    phase,
    user_id,
    channel_id,
    since,
    until,
    sessions,
    total
FROM voice_removals
WHERE guild_id = :guild_id AND phase IN ('removing', 'removed')
ORDER BY asked_at DESC, removal_id DESC
LIMIT 1;

-- name: under_way :value
-- How many resets and undos of a guild are not done yet.
SELECT COUNT(*) AS total
FROM voice_removals
WHERE guild_id = :guild_id AND phase IN ('removing', 'restoring');

-- name: unfinished :many
-- What a process that ended left half done.
-- crosses guilds: a start finishes those of all guilds of a process
-- scan voice_removals: those of a day
SELECT
    guild_id,
    removal_id,
    asked_by,
    asked_at,
    phase,
    user_id,
    channel_id,
    since,
    until,
    sessions,
    total
FROM voice_removals
WHERE
    phase IN ('removing', 'restoring')
    AND guild_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY asked_at, guild_id, removal_id;

-- name: expired :many
-- Resets that can no longer be undone.
-- crosses guilds: the purge looks after all guilds of a process
-- scan voice_removals: those of a day
SELECT
    guild_id,
    removal_id,
    asked_by,
    asked_at,
    phase,
    user_id,
    channel_id,
    since,
    until,
    sessions,
    total
FROM voice_removals
WHERE
    asked_at < :earliest AND phase IN ('removed', 'restored')
    AND guild_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY asked_at, guild_id, removal_id;

-- name: advance :rows
-- From one phase to the next; 0 where it is not in that phase (any more).
UPDATE voice_removals
SET phase = :next_phase
WHERE guild_id = :guild_id AND removal_id = :removal_id AND phase = :phase;

-- name: add :rows
-- So much more has been taken.
UPDATE voice_removals
SET
    sessions = sessions + :sessions,
    total = total + :total
WHERE guild_id = :guild_id AND removal_id = :removal_id;

-- name: forget_user :rows
-- Deletes the resets of a user's own time.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_removals: those of a day
DELETE FROM voice_removals
WHERE user_id = :user_id;

-- name: forget_asker :rows
-- Resets that a user asked for were asked for by nobody.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_removals: those of a day
UPDATE voice_removals
SET asked_by = 0
WHERE asked_by = :asked_by;

-- name: of_guild :many
-- The boards of a guild.
SELECT
    guild_id,
    channel_id,
    kind,
    hour,
    weekday,
    look_back,
    minutes,
    next_at,
    message_id,
    shown,
    problem
FROM voice_boards
WHERE guild_id = :guild_id
ORDER BY channel_id, kind;

-- name: due :many
-- The boards whose time has come, the longest waiting first; also those whose time lies beyond
-- :beyond (a live one's beyond :live_beyond), which only a clock that ran ahead can have written.
-- crosses guilds: one pass looks after all guilds of a process
-- scan voice_boards: a few boards for each server
SELECT
    guild_id,
    channel_id,
    kind,
    hour,
    weekday,
    look_back,
    minutes,
    next_at,
    message_id,
    shown,
    problem
FROM voice_boards
WHERE
    (
        next_at <= :now OR next_at > :beyond
        OR (kind = 'live' AND next_at > :live_beyond)
    )
    AND guild_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY next_at, guild_id, channel_id, kind
LIMIT :limit;

-- name: claim :rows
-- Moves a board on to its next time before anything is posted; 0 where somebody else did.
UPDATE voice_boards
SET next_at = :then_at
WHERE guild_id = :guild_id AND channel_id = :channel_id AND kind = :kind AND next_at = :next_at;

-- name: note :rows
-- Notes what a board shows now, and why it does not where it does not.
UPDATE voice_boards
SET
    message_id = :message_id,
    shown = :shown,
    problem = :problem
WHERE guild_id = :guild_id AND channel_id = :channel_id AND kind = :kind;

-- name: forget_user :rows
-- Forgets what live boards show that have a user among their ten: each is edited at its next time.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_boards: a few boards for each server
UPDATE voice_boards
SET shown = NULL
WHERE shown LIKE '% ' || CAST(:user_id AS TEXT) || ':%';

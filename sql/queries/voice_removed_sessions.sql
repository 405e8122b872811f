-- name: take :rows
-- Keeps the sessions that voice_sessions.forget is about to delete.
INSERT INTO voice_removed_sessions (
    guild_id, removal_id, user_id, joined_at, channel_id, left_at
)
SELECT
    guild_id,
    :removal_id AS removal_id,
    user_id,
    joined_at,
    channel_id,
    left_at
FROM voice_sessions
WHERE
    guild_id = :guild_id AND user_id IN (:user_ids)
    AND (:channel_id IS NULL OR channel_id = :channel_id)
    AND (:since IS NULL OR joined_at >= :since)
    AND joined_at < :until;

-- name: page :many
-- The first of what a reset took.
SELECT
    guild_id,
    removal_id,
    user_id,
    joined_at,
    channel_id,
    left_at
FROM voice_removed_sessions
WHERE guild_id = :guild_id AND removal_id = :removal_id
ORDER BY user_id, joined_at
LIMIT :limit;

-- name: drop_through :rows
-- Lets go of what a reset took, up to a session and with it.
DELETE FROM voice_removed_sessions
WHERE
    guild_id = :guild_id AND removal_id = :removal_id
    AND (user_id < :user_id OR (user_id = :user_id AND joined_at <= :joined_at));

-- name: forget_user :rows
-- Deletes the sessions of a user that resets took.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_removed_sessions: those of a day
DELETE FROM voice_removed_sessions
WHERE user_id = :user_id;

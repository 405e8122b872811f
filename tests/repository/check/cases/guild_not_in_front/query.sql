-- name: of_user :many
-- What a user has, in any guild.
SELECT
    user_id,
    guild_id,
    size
FROM things
WHERE user_id = :user_id;

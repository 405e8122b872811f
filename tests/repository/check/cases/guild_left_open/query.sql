-- name: of_user :many
-- What a user has, in any guild.
-- scan things: this test is about guilds
SELECT
    guild_id,
    user_id,
    size
FROM things
WHERE user_id = :user_id;

-- name: either :many
-- OR leaves it open.
-- scan things: this test is about guilds
SELECT
    guild_id,
    user_id,
    size
FROM things
WHERE guild_id = :guild_id OR user_id = :user_id;

-- name: grow :rows
-- Everybody's, everywhere.
-- scan things: this test is about guilds
UPDATE things
SET size = size + 1;

-- name: drop_small :rows
-- Everywhere.
-- scan things: this test is about guilds
DELETE FROM things
WHERE size < :size;

-- name: wrong_one :many
-- A user is no guild.
SELECT
    guild_id,
    user_id,
    size
FROM things
WHERE guild_id = :user_id;

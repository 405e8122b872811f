-- name: copy :rows
-- Copies into the guild that is told.
INSERT INTO things (guild_id, user_id, size)
SELECT
    guild_id,
    user_id + 1 AS user_id,
    size
FROM things
WHERE guild_id = :guild_id AND user_id = :user_id;

-- name: scatter :rows
-- Copies a user's row within every guild.
-- scan things: this test is about guilds
INSERT INTO things (guild_id, user_id, size)
SELECT
    guild_id,
    user_id + 1 AS user_id,
    size
FROM things
WHERE user_id = :user_id;

-- name: add :rows
-- Into a guild that nobody told.
INSERT INTO things (guild_id, user_id, size)
VALUES (1, :user_id, :size);

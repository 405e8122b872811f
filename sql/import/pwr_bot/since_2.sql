-- name: server_settings :stream
-- A server's choices: JSON, flat until migration 5 nested it by feature.
SELECT
    guild_id,
    settings
FROM server_settings
ORDER BY guild_id;

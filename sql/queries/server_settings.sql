-- name: save :maybe
-- Stores a server's settings if they are still at the version they were read at (0: none yet) and
-- gives the row back; none where somebody else was first.
INSERT INTO server_settings (guild_id, settings, version, updated_at)
VALUES (:guild_id, :settings, 1, :now)
ON CONFLICT (guild_id) DO UPDATE
    SET
        settings = excluded.settings,
        version = server_settings.version + 1,
        updated_at = excluded.updated_at
    WHERE server_settings.version = :version
RETURNING
    guild_id,
    settings,
    version,
    updated_at;

-- What each server chose: one JSON document, nested by feature (C7). version grows by one with
-- each change, so that two writers cannot overwrite each other unseen.

CREATE TABLE server_settings (
    guild_id INTEGER PRIMARY KEY,
    settings TEXT NOT NULL CONSTRAINT server_settings_settings_json CHECK (json_valid(settings)),
    version INTEGER NOT NULL CONSTRAINT server_settings_version_positive CHECK (version > 0),
    updated_at INTEGER NOT NULL
) STRICT;

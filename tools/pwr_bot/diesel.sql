CREATE TABLE feeds (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    platform_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    items_id TEXT NOT NULL,
    source_url TEXT NOT NULL,
    cover_url TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX idx_feeds_platform_source ON feeds (platform_id, source_id);
CREATE UNIQUE INDEX idx_feeds_source_url ON feeds (source_url);
CREATE TABLE feed_items (
    id BIGINT PRIMARY KEY NOT NULL,
    feed_id BIGINT NOT NULL REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE,
    description TEXT NOT NULL,
    published TIMESTAMP NOT NULL,
    UNIQUE (feed_id, published)
);
CREATE TABLE subscribers (
    id BIGINT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    UNIQUE (type, target_id)
);
CREATE TABLE feed_subscriptions (
    id BIGINT PRIMARY KEY NOT NULL,
    feed_id BIGINT NOT NULL REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE,
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE ON UPDATE CASCADE,
    UNIQUE (feed_id, subscriber_id)
);
CREATE TABLE server_settings (
    guild_id BIGINT PRIMARY KEY NOT NULL,
    settings TEXT NOT NULL
);
CREATE TABLE voice_sessions (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    join_time TIMESTAMP NOT NULL,
    leave_time TIMESTAMP NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT 0,
    UNIQUE (user_id, channel_id, join_time)
);
CREATE INDEX idx_voice_sessions_partner
ON voice_sessions (guild_id, channel_id, join_time, leave_time);
CREATE TABLE bot_meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Feeds, their items, and who is told about them (capabilities C1-C4, C21).
-- Times are microseconds since 1970 in UTC; flags are 0 or 1.

CREATE TABLE feeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    platform_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    items_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    source_url TEXT NOT NULL,
    cover_url TEXT,
    tags TEXT NOT NULL CONSTRAINT feeds_tags_json CHECK (json_valid(tags)),
    created_at INTEGER NOT NULL,
    CONSTRAINT feeds_platform_id_source_id_key UNIQUE (platform_id, source_id),
    CONSTRAINT feeds_source_url_key UNIQUE (source_url)
) STRICT;

-- An item is known by its source's own name for it: an edited date or title is the same item,
-- and two items of one second are two.
CREATE TABLE feed_items (
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT,
    published_at INTEGER NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (feed_id, item_id)
) STRICT, WITHOUT ROWID;

-- Serves feed_items.latest, feed_items.page and feed_subscriptions.page_with_latest.
CREATE INDEX feed_items_published ON feed_items (feed_id, published_at DESC, item_id);

-- A subscriber is a member's direct messages (target: user) or a server (target: guild).
CREATE TABLE subscribers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    target_id INTEGER NOT NULL,
    CONSTRAINT subscribers_kind_known CHECK (kind IN ('dm', 'guild')),
    CONSTRAINT subscribers_kind_target_id_key UNIQUE (kind, target_id)
) STRICT;

CREATE TABLE feed_subscriptions (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    channel_id INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, feed_id)
) STRICT, WITHOUT ROWID;

-- Serves feed_subscriptions.subscribers_of and the cascade from feeds.
CREATE INDEX feed_subscriptions_feed ON feed_subscriptions (feed_id, subscriber_id);

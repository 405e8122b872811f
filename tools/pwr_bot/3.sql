CREATE TEMP TABLE kept_items AS SELECT * FROM feed_items;
CREATE TEMP TABLE kept_subscriptions AS SELECT * FROM feed_subscriptions;
DROP TABLE feed_items;
DROP TABLE feed_subscriptions;
CREATE TABLE feeds_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT DEFAULT NULL,
    platform_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    items_id TEXT NOT NULL,
    source_url TEXT NOT NULL,
    cover_url TEXT DEFAULT NULL,
    tags TEXT DEFAULT NULL
);
INSERT INTO feeds_new
SELECT
    id,
    name,
    description,
    CASE
        WHEN url LIKE 'https://mangadex.org/title/%' THEN 'MangaDex'
        WHEN url LIKE 'https://anilist.co/anime/%' THEN 'AniList Anime'
    END,
    CASE
        WHEN url LIKE 'https://mangadex.org/title/%' THEN SUBSTR(url, 28)
        WHEN url LIKE 'https://anilist.co/anime/%' THEN SUBSTR(url, 26)
    END,
    CASE
        WHEN url LIKE 'https://mangadex.org/title/%' THEN SUBSTR(url, 28)
        WHEN url LIKE 'https://anilist.co/anime/%' THEN SUBSTR(url, 26)
    END,
    url,
    cover_url,
    tags
FROM feeds;
DROP TABLE feeds;
ALTER TABLE feeds_new RENAME TO feeds;
CREATE UNIQUE INDEX idx_feeds_platform_source ON feeds (platform_id, source_id);
CREATE UNIQUE INDEX idx_feeds_source_url ON feeds (source_url);
CREATE TABLE feed_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id INTEGER NOT NULL,
    description TEXT NOT NULL,
    published TIMESTAMP NOT NULL,
    UNIQUE (feed_id, published),
    FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE feed_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id INTEGER NOT NULL,
    subscriber_id INTEGER NOT NULL,
    UNIQUE (feed_id, subscriber_id),
    FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (subscriber_id) REFERENCES subscribers (id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO feed_items SELECT * FROM kept_items;
INSERT INTO feed_subscriptions SELECT * FROM kept_subscriptions;
DROP TABLE kept_items;
DROP TABLE kept_subscriptions;

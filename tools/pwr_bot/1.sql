CREATE TABLE feeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT DEFAULT NULL,
    url TEXT NOT NULL UNIQUE,
    cover_url TEXT DEFAULT NULL,
    tags TEXT DEFAULT NULL
);
CREATE TABLE feed_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id INTEGER NOT NULL,
    description TEXT NOT NULL,
    published TIMESTAMP NOT NULL,
    UNIQUE (feed_id, published),
    FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE subscribers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    UNIQUE (type, target_id)
);
CREATE TABLE feed_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id INTEGER NOT NULL,
    subscriber_id INTEGER NOT NULL,
    UNIQUE (feed_id, subscriber_id),
    FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (subscriber_id) REFERENCES subscribers (id) ON DELETE CASCADE ON UPDATE CASCADE
);

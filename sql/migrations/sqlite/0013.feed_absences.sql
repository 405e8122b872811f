-- Servers that took the bot away: until they have it back nothing is polled, or kept, for them. Who
-- is there has no row.
CREATE TABLE feed_absences (
    subscriber_id INTEGER NOT NULL PRIMARY KEY REFERENCES subscribers (id) ON DELETE CASCADE,
    since INTEGER NOT NULL
) STRICT;

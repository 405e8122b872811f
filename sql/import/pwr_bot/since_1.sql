-- pwr-bot's tables as its first migration made them. A file since_N.sql holds what its migration N
-- changed: a table is read by the newest of its queries that the database is new enough for.
-- These statements are run on pwr-bot's schema and never on ours; what they give is read with care,
-- since SQLite kept there whatever it was given.

-- name: feeds :stream
-- A feed, known by nothing but its URL.
SELECT
    id,
    name,
    description,
    cover_url,
    tags,
    url
FROM feeds
ORDER BY id;

-- name: feed_items :stream
-- An item of a feed; description is its title.
SELECT
    feed_id,
    description,
    published
FROM feed_items
ORDER BY feed_id, id;

-- name: subscribers :stream
-- Who is told: 'dm' and a user's id, or 'guild' and "guild:channel", from migration 2 on "guild".
SELECT
    id,
    type,
    target_id
FROM subscribers
ORDER BY id;

-- name: feed_subscriptions :stream
-- Who follows which feed.
SELECT
    feed_id,
    subscriber_id
FROM feed_subscriptions
ORDER BY subscriber_id, id;

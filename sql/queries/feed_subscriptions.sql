-- name: subscribers_of :many
-- Who follows a feed, and in which channel each wants to be told.
SELECT
    subscriber_id,
    feed_id,
    channel_id,
    created_at
FROM feed_subscriptions
WHERE feed_id = :feed_id
ORDER BY subscriber_id;

-- name: page_with_latest :many
-- A page of what a subscriber follows, each feed with its newest item; NULL item columns where it
-- has none.
-- order recent: i.published_at IS NULL, i.published_at DESC, f.id
SELECT
    f.id AS feed_id,
    f.name,
    f.source_url,
    f.cover_url,
    s.channel_id,
    i.title AS item_title,
    i.url AS item_url,
    i.published_at AS item_published_at
FROM feed_subscriptions AS s
INNER JOIN feeds AS f ON s.feed_id = f.id
LEFT JOIN feed_items AS i
    ON
        s.feed_id = i.feed_id
        AND i.item_id = (
            SELECT newest.item_id
            FROM feed_items AS newest
            WHERE newest.feed_id = s.feed_id
            ORDER BY newest.published_at DESC, newest.item_id
            LIMIT 1
        )
WHERE s.subscriber_id = :subscriber_id
ORDER BY f.name, f.id
LIMIT :limit OFFSET :offset;

-- name: count_of :value
-- How many feeds a subscriber follows.
SELECT COUNT(*) AS total
FROM feed_subscriptions
WHERE subscriber_id = :subscriber_id;

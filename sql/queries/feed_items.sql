-- name: latest :maybe
-- A feed's newest item by its publication; ties by item_id.
SELECT
    feed_id,
    item_id,
    title,
    url,
    published_at,
    found_at,
    summary,
    image_url,
    author
FROM feed_items
WHERE feed_id = :feed_id
ORDER BY published_at DESC, item_id
LIMIT 1;

-- name: page :many
-- A page of a feed's items, newest first.
SELECT
    feed_id,
    item_id,
    title,
    url,
    published_at,
    found_at,
    summary,
    image_url,
    author
FROM feed_items
WHERE feed_id = :feed_id
ORDER BY published_at DESC, item_id
LIMIT :limit OFFSET :offset;

-- name: forget :rows
-- Removes items found before :found_before, the oldest first, so many at a time. A feed's newest
-- item stays, however old, and so does one that somebody is still to be told of.
DELETE FROM feed_items
WHERE (feed_id, item_id) IN (
    SELECT
        past.feed_id,
        past.item_id
    FROM feed_items AS past
    WHERE
        past.found_at < :found_before
        AND EXISTS (
            SELECT 1 AS newer
            FROM feed_items AS newer
            WHERE newer.feed_id = past.feed_id AND newer.published_at > past.published_at
        )
        AND NOT EXISTS (
            SELECT 1 AS waiting
            FROM feed_subscriptions AS s
            INNER JOIN feed_deliveries AS d
                ON s.subscriber_id = d.subscriber_id AND s.feed_id = d.feed_id
            WHERE s.feed_id = past.feed_id AND d.item_id = past.item_id AND d.state = 'pending'
        )
    ORDER BY past.found_at, past.feed_id, past.item_id
    LIMIT :limit
);

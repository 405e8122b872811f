-- name: latest :maybe
-- A feed's newest item by its publication; ties by item_id.
SELECT
    feed_id,
    item_id,
    title,
    url,
    published_at,
    found_at
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
    found_at
FROM feed_items
WHERE feed_id = :feed_id
ORDER BY published_at DESC, item_id
LIMIT :limit OFFSET :offset;

-- name: fan_out :rows
-- Puts a feed's new items into the outbox of everybody who follows it and is there. Who has come
-- since the last poll that worked, at :succeeded_at, is told only of what was surely published
-- since they came; the others may be new to the bot alone.
INSERT INTO feed_deliveries (subscriber_id, feed_id, item_id, found_at, state)
SELECT
    s.subscriber_id,
    s.feed_id,
    i.item_id,
    i.found_at,
    'pending' AS state
FROM feed_subscriptions AS s
INNER JOIN feed_items AS i ON s.feed_id = i.feed_id
WHERE
    s.feed_id = :feed_id
    AND i.item_id IN (:item_ids)
    AND (
        s.created_at <= :succeeded_at
        OR (i.published_at > s.created_at AND i.published_at < i.found_at)
    )
    AND NOT EXISTS (
        SELECT 1 AS absent
        FROM feed_absences AS a
        WHERE a.subscriber_id = s.subscriber_id
    )
ON CONFLICT (subscriber_id, feed_id, item_id) DO NOTHING;

-- name: pending :many
-- A subscription's items that wait to be sent, in the order they were found, after the one given.
SELECT
    i.item_id,
    i.title,
    i.url,
    i.published_at,
    i.found_at,
    i.summary,
    i.image_url,
    i.author
FROM feed_deliveries AS d
INNER JOIN feed_items AS i ON d.feed_id = i.feed_id AND d.item_id = i.item_id
WHERE
    d.subscriber_id = :subscriber_id
    AND d.feed_id = :feed_id
    AND d.state = 'pending'
    AND (d.found_at, d.item_id) > (:found_after, :after_item_id)
ORDER BY d.found_at, d.item_id
LIMIT :limit;

-- name: latest :many
-- What became of a subscription's items, those found last first.
SELECT
    subscriber_id,
    feed_id,
    item_id,
    found_at,
    state,
    reason,
    message_id,
    settled_at
FROM feed_deliveries
WHERE subscriber_id = :subscriber_id AND feed_id = :feed_id
ORDER BY found_at DESC, item_id
LIMIT :limit;

-- name: settle :rows
-- Notes what became of these pending deliveries of a subscription.
UPDATE feed_deliveries
SET
    state = :state,
    reason = :reason,
    message_id = :message_id,
    settled_at = :now
WHERE
    subscriber_id = :subscriber_id
    AND feed_id = :feed_id
    AND item_id IN (:item_ids)
    AND state = 'pending';

-- name: settle_until :rows
-- Notes what became of all pending deliveries of a subscription that were found until then.
UPDATE feed_deliveries
SET
    state = :state,
    reason = :reason,
    message_id = :message_id,
    settled_at = :now
WHERE
    subscriber_id = :subscriber_id
    AND feed_id = :feed_id
    AND state = 'pending'
    AND found_at <= :found_until;

-- name: forget :rows
-- Removes deliveries of items found before :found_before that are settled, so many at a time.
DELETE FROM feed_deliveries
WHERE (subscriber_id, feed_id, item_id) IN (
    SELECT
        past.subscriber_id,
        past.feed_id,
        past.item_id
    FROM feed_deliveries AS past
    WHERE past.found_at < :found_before AND past.state <> 'pending'
    ORDER BY past.found_at, past.subscriber_id, past.feed_id, past.item_id
    LIMIT :limit
);

-- name: claim :many
-- Claims queues that are due, those that waited longest first, so many at a time.
-- notnull kind: a queue refers to its subscriber
-- notnull target_id: a queue refers to its subscriber
-- notnull feed_name: a queue refers to its feed
-- notnull source_url: a queue refers to its feed
WITH due AS MATERIALIZED (
    SELECT
        subscriber_id,
        feed_id
    FROM feed_queues
    WHERE due_at <= :now
    ORDER BY due_at, subscriber_id, feed_id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)

UPDATE feed_queues
SET
    claimed_by = :claimed_by,
    due_at = :until
FROM due
WHERE feed_queues.subscriber_id = due.subscriber_id AND feed_queues.feed_id = due.feed_id
RETURNING
    feed_queues.subscriber_id,
    feed_queues.feed_id,
    feed_queues.wakes,
    feed_queues.attempts,
    (
        SELECT b.kind
        FROM subscribers AS b
        WHERE b.id = feed_queues.subscriber_id
    ) AS kind,
    (
        SELECT b.target_id
        FROM subscribers AS b
        WHERE b.id = feed_queues.subscriber_id
    ) AS target_id,
    (
        SELECT s.channel_id
        FROM feed_subscriptions AS s
        WHERE
            s.subscriber_id = feed_queues.subscriber_id
            AND s.feed_id = feed_queues.feed_id
    ) AS channel_id,
    (
        SELECT s.role_id
        FROM feed_subscriptions AS s
        WHERE
            s.subscriber_id = feed_queues.subscriber_id
            AND s.feed_id = feed_queues.feed_id
    ) AS role_id,
    (
        SELECT s.item_filter
        FROM feed_subscriptions AS s
        WHERE
            s.subscriber_id = feed_queues.subscriber_id
            AND s.feed_id = feed_queues.feed_id
    ) AS item_filter,
    (
        SELECT s.template
        FROM feed_subscriptions AS s
        WHERE
            s.subscriber_id = feed_queues.subscriber_id
            AND s.feed_id = feed_queues.feed_id
    ) AS template,
    (
        SELECT f.name
        FROM feeds AS f
        WHERE f.id = feed_queues.feed_id
    ) AS feed_name,
    (
        SELECT f.source_url
        FROM feeds AS f
        WHERE f.id = feed_queues.feed_id
    ) AS source_url;

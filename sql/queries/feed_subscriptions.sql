-- name: subscribers_of :many
-- Who follows a feed, and in which channel each wants to be told.
SELECT
    subscriber_id,
    feed_id,
    channel_id,
    created_at,
    role_id,
    item_filter,
    template
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

-- name: health :many
-- A page of what a subscriber follows, each with how its polling stands and what became of its
-- items.
SELECT
    f.id AS feed_id,
    f.name,
    f.source_url,
    s.channel_id,
    p.polled_at,
    p.succeeded_at,
    p.error,
    q.reason AS waiting_reason,
    CASE WHEN p.claimed_by IS NULL THEN p.next_poll_at END AS next_poll_at,
    COALESCE(p.failures, 0) AS failures,
    (
        SELECT COUNT(*) AS total
        FROM feed_deliveries AS d
        WHERE d.subscriber_id = s.subscriber_id AND d.feed_id = s.feed_id AND d.state = 'pending'
    ) AS pending,
    (
        SELECT COUNT(*) AS total
        FROM feed_deliveries AS d
        WHERE d.subscriber_id = s.subscriber_id AND d.feed_id = s.feed_id AND d.state = 'sent'
    ) AS sent,
    (
        SELECT COUNT(*) AS total
        FROM feed_deliveries AS d
        WHERE
            d.subscriber_id = s.subscriber_id
            AND d.feed_id = s.feed_id
            AND d.state = 'skipped'
            AND d.reason = 'filtered'
    ) AS filtered,
    (
        SELECT COUNT(*) AS total
        FROM feed_deliveries AS d
        WHERE
            d.subscriber_id = s.subscriber_id
            AND d.feed_id = s.feed_id
            AND d.state = 'skipped'
            AND d.reason = 'feeds_disabled'
    ) AS missed,
    (
        SELECT COUNT(*) AS total
        FROM feed_deliveries AS d
        WHERE d.subscriber_id = s.subscriber_id AND d.feed_id = s.feed_id AND d.state = 'given_up'
    ) AS given_up,
    (
        SELECT MAX(d.settled_at) AS last_sent_at
        FROM feed_deliveries AS d
        WHERE d.subscriber_id = s.subscriber_id AND d.feed_id = s.feed_id AND d.state = 'sent'
    ) AS last_sent_at,
    (
        SELECT MAX(d.settled_at) AS last_given_up_at
        FROM feed_deliveries AS d
        WHERE d.subscriber_id = s.subscriber_id AND d.feed_id = s.feed_id AND d.state = 'given_up'
    ) AS last_given_up_at,
    (
        SELECT d.reason
        FROM feed_deliveries AS d
        WHERE
            d.subscriber_id = s.subscriber_id
            AND d.feed_id = s.feed_id
            AND d.state = 'given_up'
        ORDER BY d.settled_at DESC, d.item_id
        LIMIT 1
    ) AS given_up_reason
FROM feed_subscriptions AS s
INNER JOIN feeds AS f ON s.feed_id = f.id
LEFT JOIN feed_polls AS p ON s.feed_id = p.feed_id
LEFT JOIN feed_queues AS q ON s.subscriber_id = q.subscriber_id AND s.feed_id = q.feed_id
WHERE s.subscriber_id = :subscriber_id
ORDER BY f.name, f.id
LIMIT :limit OFFSET :offset;

-- name: followed :many
-- All that a user ('dm') or a guild ('guild') follows, by name.
SELECT
    f.id AS feed_id,
    f.platform_id,
    f.name,
    f.source_url
FROM subscribers AS b
INNER JOIN feed_subscriptions AS s ON b.id = s.subscriber_id
INNER JOIN feeds AS f ON s.feed_id = f.id
WHERE b.kind = :kind AND b.target_id = :target_id
ORDER BY f.name, f.id;

-- name: recall :rows
-- Subscriptions that begin after :now, by a clock that ran ahead, begin now: else nothing would be
-- told until then.
-- scan feed_subscriptions: once an hour
UPDATE feed_subscriptions
SET created_at = :now
WHERE created_at > :now;

-- name: begin_anew :many
-- What a subscriber follows counts as followed from :now on; the feeds.
UPDATE feed_subscriptions
SET created_at = :now
WHERE subscriber_id = :subscriber_id
RETURNING feed_id;

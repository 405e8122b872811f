-- name: claim :many
-- Claims feeds that are due, those that waited longest first, so many at a time. One that only
-- absent servers follow is not followed.
-- notnull platform_id: a poll refers to its feed
-- notnull source_id: a poll refers to its feed
-- notnull items_id: a poll refers to its feed
-- notnull source_url: a poll refers to its feed
-- notnull polled_at: set by this statement
UPDATE feed_polls
SET
    claimed_by = :claimed_by,
    polled_at = :now,
    next_poll_at = :until
WHERE
    feed_id IN (
        SELECT due.feed_id
        FROM feed_polls AS due
        WHERE due.next_poll_at <= :now
        ORDER BY due.next_poll_at, due.feed_id
        LIMIT :limit
    )
RETURNING
    feed_id,
    (
        SELECT f.platform_id
        FROM feeds AS f
        WHERE f.id = feed_polls.feed_id
    ) AS platform_id,
    (
        SELECT f.source_id
        FROM feeds AS f
        WHERE f.id = feed_polls.feed_id
    ) AS source_id,
    (
        SELECT f.items_id
        FROM feeds AS f
        WHERE f.id = feed_polls.feed_id
    ) AS items_id,
    (
        SELECT f.source_url
        FROM feeds AS f
        WHERE f.id = feed_polls.feed_id
    ) AS source_url,
    interval_seconds,
    etag,
    last_modified,
    digest,
    items_digest,
    succeeded_at,
    changed_at,
    failures,
    polled_at,
    COALESCE(
        (
            SELECT TRUE AS followed
            FROM feed_subscriptions AS s
            WHERE
                s.feed_id = feed_polls.feed_id
                AND NOT EXISTS (
                    SELECT 1 AS absent
                    FROM feed_absences AS a
                    WHERE a.subscriber_id = s.subscriber_id
                )
            ORDER BY s.subscriber_id
            LIMIT 1
        ),
        FALSE
    ) AS followed;

-- name: finish :rows
-- Keeps what polls left behind and lets go of their feeds, except one whose claim has ended since.
-- The :feed_ids are those of the outcomes. One that failed before and was not asked this time has
-- no error of its own: it keeps the one it had.
UPDATE feed_polls
SET
    claimed_by = NULL,
    next_poll_at = :now + given.wait_seconds * 1000000,
    interval_seconds = given.interval_seconds,
    etag = given.etag,
    last_modified = given.last_modified,
    digest = given.digest,
    items_digest = given.items_digest,
    failures = given.failures,
    error = CASE WHEN given.failures > 0 THEN COALESCE(given.error, feed_polls.error) END,
    succeeded_at = CASE
        WHEN given.succeeded THEN feed_polls.polled_at ELSE feed_polls.succeeded_at
    END,
    changed_at = CASE WHEN given.changed THEN feed_polls.polled_at ELSE feed_polls.changed_at END
FROM (
    SELECT
        value ->> 'feed_id' AS feed_id,
        value ->> 'wait_seconds' AS wait_seconds,
        value ->> 'interval_seconds' AS interval_seconds,
        value ->> 'etag' AS etag,
        value ->> 'last_modified' AS last_modified,
        value ->> 'digest' AS digest,
        value ->> 'items_digest' AS items_digest,
        value ->> 'failures' AS failures,
        value ->> 'error' AS error,
        value ->> 'succeeded' AS succeeded,
        value ->> 'changed' AS changed
    FROM JSON_EACH(:outcomes)
) AS given
WHERE
    feed_polls.feed_id IN (:feed_ids)
    AND feed_polls.feed_id = given.feed_id
    AND feed_polls.claimed_by = :claimed_by;

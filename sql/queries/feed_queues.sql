-- name: wake :rows
-- Has the queues of a feed worked off in which something waits. It counts those wakes, so that what
-- comes in while a queue is being worked off is not overlooked.
INSERT INTO feed_queues (subscriber_id, feed_id, due_at, wakes, attempts)
SELECT
    s.subscriber_id,
    s.feed_id,
    :now AS due_at,
    1 AS wakes,
    0 AS attempts
FROM feed_subscriptions AS s
WHERE
    s.feed_id = :feed_id
    AND EXISTS (
        SELECT 1 AS waiting
        FROM feed_deliveries AS d
        WHERE
            d.subscriber_id = s.subscriber_id
            AND d.feed_id = s.feed_id
            AND d.state = 'pending'
    )
ON CONFLICT (subscriber_id, feed_id) DO UPDATE
    SET
        wakes = feed_queues.wakes + 1,
        due_at = COALESCE(feed_queues.due_at, excluded.due_at);

-- name: recall :rows
-- Has queues worked off now whose time lies beyond :beyond, which only a clock that ran ahead can
-- have written.
UPDATE feed_queues
SET due_at = :now
WHERE due_at > :beyond;

-- name: renew :rows
-- A process keeps a queue until :until.
UPDATE feed_queues
SET due_at = :until
WHERE subscriber_id = :subscriber_id AND feed_id = :feed_id AND claimed_by = :claimed_by;

-- name: release :rows
-- A process that stops lets go of a queue, which is then due at once.
UPDATE feed_queues
SET
    claimed_by = NULL,
    due_at = :now
WHERE subscriber_id = :subscriber_id AND feed_id = :feed_id AND claimed_by = :claimed_by;

-- name: done :rows
-- A queue was worked off as it was when it was claimed: nothing waits, unless it was woken since.
UPDATE feed_queues
SET
    claimed_by = NULL,
    due_at = CASE WHEN wakes = :wakes THEN NULL ELSE :now END,
    attempts = 0,
    reason = NULL
WHERE subscriber_id = :subscriber_id AND feed_id = :feed_id AND claimed_by = :claimed_by;

-- name: retry :rows
-- Sending from a queue failed: once more at :due_at.
UPDATE feed_queues
SET
    claimed_by = NULL,
    due_at = :due_at,
    attempts = attempts + 1,
    reason = :reason
WHERE subscriber_id = :subscriber_id AND feed_id = :feed_id AND claimed_by = :claimed_by;

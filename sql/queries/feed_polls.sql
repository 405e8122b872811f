-- name: wake :exec
-- Has a feed polled now: it has a follower. Where a process polls it just now, it is left to it.
INSERT INTO feed_polls (feed_id, next_poll_at, interval_seconds)
VALUES (:feed_id, :now, :interval_seconds)
ON CONFLICT (feed_id) DO UPDATE
    SET
        next_poll_at = CASE
            WHEN feed_polls.claimed_by IS NULL AND feed_polls.next_poll_at > excluded.next_poll_at
                THEN excluded.next_poll_at
            ELSE feed_polls.next_poll_at
        END;

-- name: wake_all :rows
-- Has these feeds polled now, except where a process polls one just now.
UPDATE feed_polls
SET next_poll_at = :now
WHERE feed_id IN (:feed_ids) AND claimed_by IS NULL AND next_poll_at > :now;

-- name: recall :rows
-- Has feeds polled now whose time lies beyond :beyond, which only a clock that ran ahead can have
-- written.
UPDATE feed_polls
SET next_poll_at = :now
WHERE next_poll_at > :beyond;

-- name: renew :rows
-- A process keeps these feeds until :until.
UPDATE feed_polls
SET next_poll_at = :until
WHERE feed_id IN (:feed_ids) AND claimed_by = :claimed_by;

-- name: release :rows
-- A process that stops lets go of these feeds, which are then due at once.
UPDATE feed_polls
SET
    claimed_by = NULL,
    next_poll_at = :now
WHERE feed_id IN (:feed_ids) AND claimed_by = :claimed_by;

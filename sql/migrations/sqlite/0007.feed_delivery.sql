-- Polling feeds and delivering what is new in them: when each is polled next and by whom, what has
-- been found already, and an outbox of what each subscription is still to be told.

ALTER TABLE feed_items ADD COLUMN summary TEXT NOT NULL DEFAULT '';
ALTER TABLE feed_items ADD COLUMN image_url TEXT;
ALTER TABLE feed_items ADD COLUMN author TEXT;

ALTER TABLE feed_subscriptions ADD COLUMN role_id INTEGER;
ALTER TABLE feed_subscriptions ADD COLUMN item_filter TEXT
CONSTRAINT feed_subscriptions_item_filter_json
CHECK (item_filter IS NULL OR json_valid(item_filter));
ALTER TABLE feed_subscriptions ADD COLUMN template TEXT;

-- Serves feed_items.forget.
CREATE INDEX feed_items_found ON feed_items (found_at, feed_id, item_id);

-- What a feed ever showed. Items are removed in time, these are not: none is told of twice.
CREATE TABLE feed_item_ids (
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    PRIMARY KEY (feed_id, item_id)
) STRICT, WITHOUT ROWID;

INSERT INTO feed_item_ids (feed_id, item_id)
SELECT
    feed_id,
    item_id
FROM feed_items;

-- How the polling of each feed stands. While a process polls it, claimed_by names the process and
-- next_poll_at is when its claim ends: a feed whose process died is simply due again.
CREATE TABLE feed_polls (
    feed_id INTEGER NOT NULL PRIMARY KEY REFERENCES feeds (id) ON DELETE CASCADE,
    next_poll_at INTEGER NOT NULL,
    interval_seconds INTEGER NOT NULL,
    etag TEXT,
    last_modified TEXT,
    digest TEXT,
    items_digest TEXT,
    polled_at INTEGER,
    succeeded_at INTEGER,
    changed_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    claimed_by TEXT
) STRICT;

-- Serves feed_polls.claim.
CREATE INDEX feed_polls_due ON feed_polls (next_poll_at, feed_id);

-- Feeds that are there already are due at once.
INSERT INTO feed_polls (feed_id, next_poll_at, interval_seconds)
SELECT
    id,
    created_at,
    3600 AS interval_seconds
FROM feeds;

-- The outbox: what each subscription is told, and what became of it.
CREATE TABLE feed_deliveries (
    subscriber_id INTEGER NOT NULL,
    feed_id INTEGER NOT NULL,
    item_id TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    message_id INTEGER,
    settled_at INTEGER,
    PRIMARY KEY (subscriber_id, feed_id, item_id),
    FOREIGN KEY (subscriber_id, feed_id)
    REFERENCES feed_subscriptions (subscriber_id, feed_id) ON DELETE CASCADE,
    CONSTRAINT feed_deliveries_state_known
    CHECK (state IN ('pending', 'sent', 'skipped', 'given_up'))
) STRICT, WITHOUT ROWID;

-- Serves feed_deliveries.pending, feed_deliveries.settle_until and feed_queues.wake.
CREATE INDEX feed_deliveries_pending
ON feed_deliveries (subscriber_id, feed_id, found_at, item_id)
WHERE state = 'pending';

-- Serves feed_deliveries.forget.
CREATE INDEX feed_deliveries_found
ON feed_deliveries (found_at, subscriber_id, feed_id, item_id);

-- A queue for each subscription, so that its items are sent one after the other by one process.
-- due_at is NULL where nothing waits, and the end of the claim while claimed_by names a process;
-- wakes grows with each delivery that comes in, also while the queue is being worked off.
CREATE TABLE feed_queues (
    subscriber_id INTEGER NOT NULL,
    feed_id INTEGER NOT NULL,
    due_at INTEGER,
    wakes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT,
    claimed_by TEXT,
    PRIMARY KEY (subscriber_id, feed_id),
    FOREIGN KEY (subscriber_id, feed_id)
    REFERENCES feed_subscriptions (subscriber_id, feed_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Serves feed_queues.claim.
CREATE INDEX feed_queues_due
ON feed_queues (due_at, subscriber_id, feed_id)
WHERE due_at IS NOT NULL;

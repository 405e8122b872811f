-- name: by_source :maybe
-- The feed with this id on its platform.
SELECT
    platform_id,
    source_id,
    items_id,
    name,
    description,
    source_url,
    cover_url,
    tags,
    created_at,
    id
FROM feeds
WHERE platform_id = :platform_id AND source_id = :source_id;

-- name: renew :rows
-- A feed calls itself something else, or has moved: its new name and items_id, NULL what is as it
-- was; 0 where nothing is new.
UPDATE feeds
SET
    name = COALESCE(:name, name),
    items_id = COALESCE(:items_id, items_id)
WHERE
    id = :feed_id
    AND (name <> COALESCE(:name, name) OR items_id <> COALESCE(:items_id, items_id));

-- name: by_url :maybe
-- The feed with this address for people.
SELECT
    platform_id,
    source_id,
    items_id,
    name,
    description,
    source_url,
    cover_url,
    tags,
    created_at,
    id
FROM feeds
WHERE source_url = :source_url;

-- name: forget_unfollowed :rows
-- Deletes the feeds that nobody follows any more, with what is known of them.
-- scan feeds: asked for by hand, once in a long while
DELETE FROM feeds
WHERE NOT EXISTS (
    SELECT 1 AS found
    FROM feed_subscriptions
    WHERE feed_subscriptions.feed_id = feeds.id
);

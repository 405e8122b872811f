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

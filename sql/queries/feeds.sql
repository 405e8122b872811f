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

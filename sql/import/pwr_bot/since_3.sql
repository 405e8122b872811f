-- name: feeds :stream
-- A feed of a platform, by its ids there.
SELECT
    id,
    name,
    description,
    cover_url,
    tags,
    platform_id,
    source_id,
    items_id,
    source_url
FROM feeds
ORDER BY id;

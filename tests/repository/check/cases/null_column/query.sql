-- name: sizes :many
-- The sizes.
SELECT
    id,
    size
FROM things
WHERE id > :id;

-- name: known_sizes :many
-- The sizes that are known.
SELECT
    id,
    size
FROM things
WHERE id > :id AND size IS NOT NULL;

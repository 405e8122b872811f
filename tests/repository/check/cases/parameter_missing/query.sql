-- name: sized :many
-- Things of a size.
SELECT
    id,
    name,
    size
FROM things
WHERE id = :id AND size = :size;

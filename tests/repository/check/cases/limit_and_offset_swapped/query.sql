-- name: page :many
-- A page of things.
SELECT
    id,
    name,
    size
FROM things
WHERE id > 0
ORDER BY id
LIMIT :offset OFFSET :limit;

-- name: page :many
-- Things.
SELECT
    id,
    name
FROM things
WHERE id > :id;

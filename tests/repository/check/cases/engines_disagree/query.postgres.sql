-- name: page :many
-- Things.
SELECT
    name,
    id
FROM things
WHERE id > :id;

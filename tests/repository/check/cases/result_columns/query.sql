-- name: listed :many
-- Things, with a column too many and one too few.
SELECT
    id,
    size
FROM things
WHERE id > :id;

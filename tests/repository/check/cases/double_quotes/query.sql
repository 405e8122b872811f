-- name: quoted :many
-- A string, where a column was meant.
SELECT
    id,
    "nmae" AS name
FROM things
WHERE id > :id;

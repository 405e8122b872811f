-- name: sizes :many
-- The sizes.
-- notnull size: the caller asks for things that have one
SELECT
    id,
    size
FROM things
WHERE id > :id;

-- name: sizes :many
-- The sizes, as names.
-- notnull name: this test is about types
SELECT
    id,
    size AS name
FROM things
WHERE id > :id;

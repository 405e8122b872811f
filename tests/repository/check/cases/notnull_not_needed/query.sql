-- name: names :many
-- The names.
-- notnull name: somebody was not sure
-- notnull nmae: somebody cannot spell
SELECT
    id,
    name
FROM things
WHERE id > :id;

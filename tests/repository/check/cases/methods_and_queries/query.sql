-- name: orphan :value
-- Nobody calls it.
-- scan things: counting reads every row
SELECT COUNT(*) AS total
FROM things;

-- name: kind :many
-- The method says one.
SELECT
    id,
    name
FROM things
WHERE id > :id;

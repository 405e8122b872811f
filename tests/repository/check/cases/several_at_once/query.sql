-- name: first :many
-- Several things are wrong with it.
SELECT
    a.id,
    b.name
FROM things AS a
LEFT JOIN things AS b ON b.name = a.name
WHERE a.id > :id
ORDER BY b.name
LIMIT 10;

-- name: second :maybe
-- One thing is wrong with it.
SELECT
    id,
    nmae
FROM things
WHERE id = :id;

-- name: third :exec
-- And one with this.

-- name: fourth :value
-- Nothing is wrong with it.
SELECT COUNT(*) AS total
FROM things
WHERE id > :id;

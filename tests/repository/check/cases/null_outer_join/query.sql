-- name: pairs :many
-- Each thing with the next one.
SELECT
    a.id,
    b.name
FROM things AS a
LEFT JOIN things AS b ON b.id = a.id + 1
WHERE a.id = :id;

-- name: kept :many
-- The same, with a name of its own where there is none.
SELECT
    a.id,
    COALESCE(b.name, '') AS name
FROM things AS a
LEFT JOIN things AS b ON b.id = a.id + 1
WHERE a.id = :id;

-- name: by_name :many
-- No index serves this.
SELECT
    id,
    name,
    size
FROM things
WHERE name = :name;

-- name: meant :many
-- Nor this, which is meant.
-- scan things: a handful
SELECT
    id,
    name,
    size
FROM things
WHERE name = :name;

-- name: by_id :many
-- An index serves this, and the header says otherwise.
-- scan things: there was no index once
SELECT
    id,
    name,
    size
FROM things
WHERE id = :id;

-- name: joined :value
-- No index serves the other side of the join.
SELECT COUNT(*) AS total
FROM things AS a
INNER JOIN things AS b ON a.name = b.name
WHERE a.id = :id;

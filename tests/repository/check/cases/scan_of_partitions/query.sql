-- name: by_name :many
-- No index of a partition serves this.
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
-- An index of each partition serves this.
SELECT
    id,
    name,
    size
FROM things
WHERE id = :id;

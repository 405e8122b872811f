-- name: joined :many
-- The other side is decided by the key it is joined by.
SELECT
    a.id,
    b.name
FROM things AS a
INNER JOIN things AS b ON a.size = b.id
WHERE a.id > :id
ORDER BY b.name, a.id
LIMIT 10;

-- name: crossed :many
-- The other side is not decided by anything.
-- scan things: this test is about LIMIT
SELECT
    b.id,
    b.name
FROM things AS a
INNER JOIN things AS b ON a.name = b.name
WHERE a.id > :id AND b.id > :id
ORDER BY a.id
LIMIT 10;

-- name: grouped :many
-- One row for each name.
WITH sums AS (
    SELECT
        name,
        COUNT(*) AS id
    FROM things
    WHERE id > :id
    GROUP BY name
)

SELECT
    id,
    name
FROM sums
ORDER BY id DESC, name
LIMIT 10;

-- name: grouped_by_count :many
-- The same, ordered by the count alone.
WITH sums AS (
    SELECT
        name,
        COUNT(*) AS id
    FROM things
    WHERE id > :id
    GROUP BY name
)

SELECT
    id,
    name
FROM sums
ORDER BY id DESC
LIMIT 10;

-- name: first_of :value
-- A sub-query's LIMIT counts as well.
SELECT COUNT(*) AS total
FROM things AS a
WHERE a.id = (
    SELECT b.id
    FROM things AS b
    WHERE b.id > :id
    ORDER BY b.name
    LIMIT 1
);

-- name: all_columns :many
-- Whatever there is.
SELECT *
FROM things
WHERE id > :id;

-- name: within :value
-- Whatever there is, counted.
SELECT COUNT(*) AS total
FROM (
    SELECT *
    FROM things
    WHERE id > :id
) AS chosen;

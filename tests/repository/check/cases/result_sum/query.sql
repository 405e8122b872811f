-- name: heaviest :many
-- Sums, which PostgreSQL makes numeric of bigint.
SELECT
    id,
    SUM(id) AS total
FROM things
WHERE id > :id
GROUP BY id;

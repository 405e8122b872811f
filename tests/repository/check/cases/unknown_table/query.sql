-- name: total :value
-- How many there are.
SELECT COUNT(*) AS total
FROM thinks;

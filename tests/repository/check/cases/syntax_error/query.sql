-- name: total :value
-- How many there are.
SELECT COUNT(*) AS total
FROM things
WHERE id = = :id;

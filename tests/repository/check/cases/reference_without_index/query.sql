-- name: total :value
-- How many there are.
-- scan things: counting reads every row
SELECT COUNT(*) AS total
FROM things;

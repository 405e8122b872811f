-- name: length :value
-- Without a name, each engine makes up another.
SELECT UPPER(name)
FROM things
WHERE id = :id;

-- name: within :value
-- The same where nobody sees it yet.
SELECT COUNT(*) AS total
FROM (
    SELECT UPPER(name)
    FROM things
    WHERE id > :id
) AS chosen;

-- name: lengths :one
-- What can be NULL though its column cannot.
WITH chosen AS (
    SELECT
        id,
        name
    FROM things
    WHERE id > :id
)

SELECT
    MAX(id) AS greatest,
    CASE WHEN MAX(id) > 1 THEN 'many' END AS words,
    (SELECT c.name FROM chosen AS c WHERE c.id = 1) AS first_name,
    COUNT(*) AS total
FROM chosen;

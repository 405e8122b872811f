-- name: page :many
-- A page of things.
-- order named: name
-- order sized: size DESC, id
SELECT
    id,
    name
FROM things
WHERE id > :id
ORDER BY id
LIMIT :limit;

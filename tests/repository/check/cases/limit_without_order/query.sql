-- name: some :many
-- Any ten of them.
SELECT
    id,
    name
FROM things
WHERE id > :id
LIMIT 10;

-- name: by_name :many
-- Ten of them; which, where names are equal?
SELECT
    id,
    name
FROM things
WHERE id > :id
ORDER BY name
LIMIT 10;

-- name: by_name_and_id :many
-- Ten of them.
SELECT
    id,
    name
FROM things
WHERE id > :id
ORDER BY name, id
LIMIT 10;

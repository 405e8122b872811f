-- name: by_name :maybe
-- A thing by its name.
SELECT
    id,
    name,
    size
FROM things
WHERE id = 1 AND name = :name;

-- name: rename :rows
-- Gives a thing another name.
UPDATE things
SET name = :name
WHERE id = :id;

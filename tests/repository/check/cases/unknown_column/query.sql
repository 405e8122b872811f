-- name: named :maybe
-- A thing by its name.
SELECT
    id,
    nmae AS name,
    size
FROM things
WHERE id = :id;

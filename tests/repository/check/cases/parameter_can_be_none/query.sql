-- name: rename :rows
-- Gives a thing another name.
UPDATE things
SET name = :name, size = :size
WHERE id = :id;

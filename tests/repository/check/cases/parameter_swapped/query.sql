-- name: resize :rows
-- Gives a thing another size.
UPDATE things
SET size = :id
WHERE id = :size;

-- name: add :rows
-- Without a name.
INSERT INTO things (id, size)
VALUES (:id, :size);

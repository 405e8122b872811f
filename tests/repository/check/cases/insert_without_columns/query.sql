-- name: add :rows
-- Its values go where the columns happen to stand.
INSERT INTO things
VALUES (:id, :name, :size);

-- name: copy :rows
-- Nor does a SELECT say where they go.
INSERT INTO things
SELECT
    id + 1000 AS id,
    name,
    size
FROM things
WHERE id = :id;

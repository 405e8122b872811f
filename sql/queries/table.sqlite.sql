-- name: select_many :many
-- The rows with these keys, in the order of the key; a key without a row is passed over.
-- :keys is a JSON array of arrays, each a key.
SELECT
    {columns}
FROM {table}
WHERE ({key}) IN (SELECT {key_values} FROM JSON_EACH(:keys))
ORDER BY {key};

-- name: select_many :many
-- The rows with these keys, in the order of the key; a key without a row is passed over.
-- The parameters are arrays, one for each column of the key.
SELECT
    {columns}
FROM {table}
WHERE ({key}) IN (SELECT {key} FROM UNNEST({values_of_keys}) AS keys ({key}))
ORDER BY {key};

-- What the database has: by this the version of pwr-bot is told.

-- name: columns :many
-- A column of a table.
SELECT
    t.name AS table_name,
    c.name AS column_name,
    'main' AS table_schema
FROM sqlite_schema AS t
CROSS JOIN PRAGMA_TABLE_INFO(t.name) AS c
WHERE t.type = 'table'
ORDER BY t.name, c.cid;

-- What the database has: by this the version of pwr-bot is told.

-- name: columns :many
-- A column of a table, with its schema; those schemas first that the role looks into first.
SELECT
    c.table_name,
    c.column_name,
    c.table_schema
FROM information_schema.columns AS c
WHERE c.table_schema NOT IN ('information_schema', 'pg_catalog')
ORDER BY
    ARRAY_POSITION(CURRENT_SCHEMAS(FALSE), c.table_schema::NAME) NULLS LAST,
    c.table_schema,
    c.table_name,
    c.ordinal_position;

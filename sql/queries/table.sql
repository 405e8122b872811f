-- The CRUD macro: these statements once for every table. The places in braces are filled in at
-- start-up from the entity's fields, never from anything a user typed; values are only ever bound.
--   {table}    the table                       {columns}   all columns
--   {key}      the key columns                 {where}     key = :key, ...
--   {stored}   the columns of an INSERT        {values}    their parameters
--   {sets}     column = :column of the rest    {excluded}  column = excluded.column of the rest

-- name: select_all :many
-- Every row of the table, in the order of its key.
-- crosses guilds: the whole table, for operators, exports and tests
-- scan {table}: the whole table is what is asked for
SELECT
    {columns}
FROM {table}
ORDER BY {key};

-- name: select :maybe
-- The row with this key.
SELECT
    {columns}
FROM {table}
WHERE {where};

-- name: insert :one
-- Adds a row and gives it back as stored.
INSERT INTO {table} ({stored})
VALUES ({values})
RETURNING
    {columns};

-- name: insert_many :rows
-- Adds a row; run once for each of many, all or none of which are kept.
INSERT INTO {table} ({stored})
VALUES ({values});

-- name: update :rows
-- Changes every column of the row with this key; 0 where there is none.
UPDATE {table}
SET {sets}
WHERE {where};

-- name: delete :rows
-- Removes the row with this key; 0 where there is none.
DELETE FROM {table}
WHERE {where};

-- name: replace :one
-- Adds the row, or changes the one with its key in place, so that rows that refer to it survive.
INSERT INTO {table} ({stored})
VALUES ({values})
ON CONFLICT ({key}) DO UPDATE SET {excluded}
RETURNING
    {columns};

-- name: count :value
-- How many rows the table has.
-- crosses guilds: a number for operators
-- scan {table}: counting reads every row
SELECT COUNT(*) AS total
FROM {table};

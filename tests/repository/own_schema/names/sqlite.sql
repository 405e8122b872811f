-- What stands above
/* and before */ CREATE TABLE main.cats (id INTEGER);
INSERT OR IGNORE INTO temp.cats (id)
SELECT id
FROM main.dogs;

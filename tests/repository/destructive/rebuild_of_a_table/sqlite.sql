CREATE TABLE new_cats (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO new_cats (id, name) SELECT id, name FROM cats;
DROP TABLE cats;
ALTER TABLE new_cats RENAME TO cats;
CREATE UNIQUE INDEX cats_name ON cats (name);

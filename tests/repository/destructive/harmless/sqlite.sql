-- What only adds, and what the rollback makes again. destructive: this is no mark.
CREATE TABLE dogs (
    id INTEGER PRIMARY KEY,
    cat_id INTEGER REFERENCES cats (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX dogs_cat ON dogs (cat_id);
CREATE UNIQUE INDEX dogs_only ON dogs (id);
ALTER TABLE cats ADD COLUMN note TEXT;
INSERT INTO dogs (id) SELECT id FROM cats;
INSERT INTO cats (id) VALUES (1) ON CONFLICT DO NOTHING;
UPDATE dogs SET cat_id = id;
DELETE FROM dogs;
ALTER TABLE dogs RENAME COLUMN cat_id TO friend_id;
ALTER TABLE dogs RENAME TO hounds;
DELETE FROM hounds;
DROP TABLE hounds;
DROP INDEX cats_age;
DROP VIEW cats_by_age;

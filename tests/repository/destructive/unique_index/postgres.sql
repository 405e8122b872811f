CREATE UNIQUE INDEX cats_name ON cats (name);

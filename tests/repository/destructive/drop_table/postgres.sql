-- Cats are gone.

CREATE TABLE dogs (id INTEGER);

DROP TABLE IF EXISTS cats;

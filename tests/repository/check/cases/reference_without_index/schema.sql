CREATE TABLE owners (
    id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (id, place),
    UNIQUE (id)
);

CREATE TABLE things (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    size BIGINT REFERENCES owners (id)
);

CREATE TABLE pairs (
    id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    number BIGINT NOT NULL,
    other_id BIGINT REFERENCES owners (id),
    PRIMARY KEY (id, number),
    FOREIGN KEY (id, place) REFERENCES owners (id, place)
);

CREATE INDEX some_pairs ON pairs (other_id) WHERE number > 1;

CREATE TABLE kept_pairs (
    id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    number BIGINT NOT NULL,
    other_id BIGINT REFERENCES owners (id),
    PRIMARY KEY (place, id, number),
    FOREIGN KEY (id, place) REFERENCES owners (id, place)
);

CREATE INDEX kept_pairs_other ON kept_pairs (other_id, number);

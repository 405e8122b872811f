-- A guild reads all of this to find its own rows.
CREATE TABLE things (
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (user_id, guild_id)
);

CREATE TABLE more_things (
    id BIGINT NOT NULL PRIMARY KEY,
    guild_id BIGINT
);

CREATE TABLE kept_things (
    guild_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (guild_id, id)
);

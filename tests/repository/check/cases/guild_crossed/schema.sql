CREATE TABLE things (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);

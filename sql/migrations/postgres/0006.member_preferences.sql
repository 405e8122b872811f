-- What each user chose for themselves, in whatever server. plain_text: text in place of pictures.

CREATE TABLE member_preferences (
    user_id BIGINT PRIMARY KEY,
    plain_text BOOLEAN NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

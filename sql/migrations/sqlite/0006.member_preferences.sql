-- What each user chose for themselves, in whatever server. plain_text: text in place of pictures.

CREATE TABLE member_preferences (
    user_id INTEGER PRIMARY KEY,
    plain_text INTEGER NOT NULL
    CONSTRAINT member_preferences_plain_text_bool CHECK (plain_text IN (0, 1)),
    updated_at INTEGER NOT NULL
) STRICT;

-- What the bot remembers about itself: last heartbeat, hash of the synced commands (C8).

CREATE TABLE bot_meta (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

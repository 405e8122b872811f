-- Who was in which voice channel, from when to when (C5, C6, C18-C20).

-- Sessions still running. The key is the rule: one open session per guild and member.
-- Small whatever the history, so that a boot's recovery and a minute's reconciliation stay cheap.
CREATE TABLE open_voice_sessions (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

-- Sessions that ended. A member is in one channel of a guild at a time: its start names a session.
CREATE TABLE voice_sessions (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id, joined_at),
    CONSTRAINT voice_sessions_left_after_joined CHECK (left_at >= joined_at),
    CONSTRAINT voice_sessions_ten_years CHECK (left_at - joined_at <= 316224000000000)
) STRICT, WITHOUT ROWID;

-- Serves voice_sessions.leaderboard and voice_sessions.standing: all of a range without the table.
CREATE INDEX voice_sessions_ended ON voice_sessions (guild_id, left_at, joined_at, user_id);

-- Serves voice_sessions.partners: who else was in that channel then.
CREATE INDEX voice_sessions_channel
ON voice_sessions (guild_id, channel_id, joined_at, left_at, user_id);

-- Serves voice_sessions.longest, the bound of the range that partners has to look at.
CREATE INDEX voice_sessions_length ON voice_sessions (guild_id, (left_at - joined_at));

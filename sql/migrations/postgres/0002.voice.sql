-- Who was in which voice channel, from when to when (C5, C6, C18-C20).

-- Sessions still running. The key is the rule: one open session per guild and member.
-- Small whatever the history, so that a boot's recovery and a minute's reconciliation stay cheap.
CREATE TABLE open_voice_sessions (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);

-- Sessions that ended. A member is in one channel of a guild at a time: its start names a session.
CREATE TABLE voice_sessions (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    channel_id BIGINT NOT NULL,
    left_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, user_id, joined_at),
    CONSTRAINT voice_sessions_left_after_joined CHECK (left_at >= joined_at),
    CONSTRAINT voice_sessions_ten_years CHECK (left_at - joined_at <= INTERVAL '3660 days')
);

-- Serves voice_sessions.leaderboard and voice_sessions.standing: all of a range without the table.
CREATE INDEX voice_sessions_ended ON voice_sessions (guild_id, left_at, joined_at, user_id);

-- Serves voice_sessions.partners: who else was in that channel then.
CREATE INDEX voice_sessions_channel
ON voice_sessions (guild_id, channel_id, joined_at, left_at, user_id);

-- Serves voice_sessions.longest, the bound of the range that partners has to look at.
CREATE INDEX voice_sessions_length ON voice_sessions (guild_id, (left_at - joined_at));

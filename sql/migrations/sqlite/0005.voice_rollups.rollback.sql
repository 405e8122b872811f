-- Serves voice_sessions.leaderboard and voice_sessions.standing: all of a range without the table.
CREATE INDEX voice_sessions_ended ON voice_sessions (guild_id, left_at, joined_at, user_id);

-- Serves voice_sessions.partners: who else was in that channel then.
CREATE INDEX voice_sessions_channel
ON voice_sessions (guild_id, channel_id, joined_at, left_at, user_id);

-- Serves voice_sessions.longest, the bound of the range that partners has to look at.
CREATE INDEX voice_sessions_length ON voice_sessions (guild_id, (left_at - joined_at));

DROP TRIGGER voice_segments_taken;
DROP TRIGGER voice_segments_added;
DROP TRIGGER voice_sessions_corrected;
DROP TRIGGER voice_sessions_deleted;
DROP TRIGGER voice_sessions_stored;
DROP TABLE voice_hours;
DROP TABLE voice_channel_totals;
DROP TABLE voice_member_totals;
DROP TABLE voice_segments;

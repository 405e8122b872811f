-- Serves voice_sessions.spans and partners: what has time in a range began at most two days before
-- it, or is one of the few that took longer.
CREATE INDEX voice_sessions_long ON voice_sessions (guild_id, user_id, left_at)
WHERE left_at - joined_at > 172800000000;

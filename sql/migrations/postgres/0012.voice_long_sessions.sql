-- Serves voice_sessions.spans and partners: what has time in a range began at most two days before
-- it, or is one of the few that took longer.
-- There are few, so that it is built in a second or two of ten million.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX voice_sessions_long ON voice_sessions (guild_id, user_id, left_at)
WHERE left_at - joined_at > INTERVAL '48 hours';

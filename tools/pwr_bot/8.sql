ALTER TABLE voice_sessions ADD COLUMN is_active INTEGER NOT NULL DEFAULT 0;
UPDATE voice_sessions SET is_active = 1 WHERE leave_time = join_time;

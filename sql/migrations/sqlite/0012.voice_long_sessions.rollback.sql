DROP INDEX voice_sessions_long;

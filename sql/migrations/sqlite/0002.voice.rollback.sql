DROP TABLE voice_sessions;
DROP TABLE open_voice_sessions;

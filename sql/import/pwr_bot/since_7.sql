-- name: heartbeat :value
-- When pwr-bot last said that it lived; none where it never did.
SELECT MAX(value) AS heartbeat
FROM bot_meta
WHERE key = 'voice_heartbeat';

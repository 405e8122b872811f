-- Lists come as JSON arrays here, and their items belong together by their places.

-- name: open :rows
-- Opens sessions; a member who has one already keeps it as it is. None begins before the member's
-- last one ended, even where the clock was set back: sessions do not overlap.
-- The first of each list is one session.
-- crosses guilds: a burst of many servers' events is stored together
INSERT INTO open_voice_sessions (guild_id, user_id, channel_id, joined_at)
SELECT
    begun.guild_id,
    begun.user_id,
    begun.channel_id,
    MAX(
        begun.joined_at,
        COALESCE((
            SELECT previous.left_at
            FROM voice_sessions AS previous
            WHERE previous.guild_id = begun.guild_id AND previous.user_id = begun.user_id
            ORDER BY previous.joined_at DESC
            LIMIT 1
        ), begun.joined_at)
    ) AS joined_at
FROM (
    SELECT
        value AS guild_id,
        JSON_EXTRACT(:user_ids, '$[' || key || ']') AS user_id,
        JSON_EXTRACT(:channel_ids, '$[' || key || ']') AS channel_id,
        JSON_EXTRACT(:joined_ats, '$[' || key || ']') AS joined_at
    FROM JSON_EACH(:guild_ids)
) AS begun
WHERE TRUE
ON CONFLICT (guild_id, user_id) DO NOTHING;

-- name: remove :rows
-- Takes away these open sessions, once voice_sessions.end has stored them.
-- The first of each list is one session.
DELETE FROM open_voice_sessions
WHERE (guild_id, user_id) IN (
    SELECT
        value AS guild_id,
        JSON_EXTRACT(:user_ids, '$[' || key || ']') AS user_id
    FROM JSON_EACH(:guild_ids)
);

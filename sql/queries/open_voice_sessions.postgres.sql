-- Lists come as arrays here.

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
    GREATEST(begun.joined_at, (
        SELECT previous.left_at
        FROM voice_sessions AS previous
        WHERE previous.guild_id = begun.guild_id AND previous.user_id = begun.user_id
        ORDER BY previous.joined_at DESC
        LIMIT 1
    )) AS joined_at
FROM
    UNNEST(:guild_ids, :user_ids, :channel_ids, :joined_ats)
        AS begun (guild_id, user_id, channel_id, joined_at)
ON CONFLICT (guild_id, user_id) DO NOTHING;

-- name: remove :rows
-- Takes away these open sessions, once voice_sessions.end has stored them.
-- The first of each list is one session.
-- crosses guilds: a burst of many servers' events is stored together
DELETE FROM open_voice_sessions AS running
USING UNNEST(:guild_ids, :user_ids) AS ended (guild_id, user_id)
WHERE running.guild_id = ended.guild_id AND running.user_id = ended.user_id;

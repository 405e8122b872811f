-- name: in_guild :many
-- The sessions now open in a guild.
SELECT
    guild_id,
    user_id,
    channel_id,
    joined_at
FROM open_voice_sessions
WHERE guild_id = :guild_id
ORDER BY user_id;

-- name: open :rows
-- Opens a session; 0 where the member has one already, which then stays as it is. It never begins
-- before the member's last one ended, even where the clock was set back: sessions do not overlap.
INSERT INTO open_voice_sessions (guild_id, user_id, channel_id, joined_at)
SELECT
    :guild_id AS guild_id,
    :user_id AS user_id,
    :channel_id AS channel_id,
    CASE WHEN previous.left_at > :joined_at THEN previous.left_at ELSE :joined_at END AS joined_at
FROM (
    SELECT
        (
            SELECT left_at
            FROM voice_sessions
            WHERE guild_id = :guild_id AND user_id = :user_id
            ORDER BY joined_at DESC
            LIMIT 1
        ) AS left_at
) AS previous
WHERE TRUE
ON CONFLICT (guild_id, user_id) DO NOTHING;

-- name: restart :rows
-- Has a session count from :now on; 0 where it is no longer the one that began at :joined_at.
UPDATE open_voice_sessions
SET joined_at = :now
WHERE guild_id = :guild_id AND user_id = :user_id AND joined_at = :joined_at;

-- name: remove :rows
-- Takes away the open sessions of these members, once voice_sessions.end has stored them.
DELETE FROM open_voice_sessions
WHERE guild_id = :guild_id AND user_id IN (:user_ids);

-- name: remove_all :rows
-- Takes away every open session, once voice_sessions.end_all has stored them.
-- crosses guilds: recovery after a crash, and a bot that stops, end them all
-- scan open_voice_sessions: all of the few that are open are meant
DELETE FROM open_voice_sessions;

-- Lists come as JSON arrays here. Those to be joined are materialized: SQLite gives them an index
-- then, and would else go through each list for every item of the first.

-- name: open :rows
-- Opens sessions; a member who has one already keeps it as it is. None begins before the member's
-- last one ended, even where the clock was set back: sessions do not overlap.
-- The first of each list is one session.
-- crosses guilds: a burst of many servers' events is stored together
INSERT INTO open_voice_sessions (guild_id, user_id, channel_id, joined_at)
WITH user_ids AS MATERIALIZED (
    SELECT
        key,
        value
    FROM JSON_EACH(:user_ids)
),

channel_ids AS MATERIALIZED (
    SELECT
        key,
        value
    FROM JSON_EACH(:channel_ids)
),

joined_ats AS MATERIALIZED (
    SELECT
        key,
        value
    FROM JSON_EACH(:joined_ats)
)

SELECT
    guild_id.value AS guild_id,
    user_id.value AS user_id,
    channel_id.value AS channel_id,
    MAX(
        joined_at.value,
        COALESCE((
            SELECT previous.left_at
            FROM voice_sessions AS previous
            WHERE previous.guild_id = guild_id.value AND previous.user_id = user_id.value
            ORDER BY previous.joined_at DESC
            LIMIT 1
        ), joined_at.value)
    ) AS joined_at
FROM JSON_EACH(:guild_ids) AS guild_id
INNER JOIN user_ids AS user_id ON guild_id.key = user_id.key
INNER JOIN channel_ids AS channel_id ON guild_id.key = channel_id.key
INNER JOIN joined_ats AS joined_at ON guild_id.key = joined_at.key
WHERE TRUE
ON CONFLICT (guild_id, user_id) DO NOTHING;

-- name: remove :rows
-- Takes away these open sessions, once voice_sessions.end has stored them.
-- The first of each list is one session.
-- crosses guilds: a burst of many servers' events is stored together
WITH user_ids AS MATERIALIZED (
    SELECT
        key,
        value
    FROM JSON_EACH(:user_ids)
)

DELETE FROM open_voice_sessions
WHERE (guild_id, user_id) IN (
    SELECT
        guild_id.value AS guild_id,
        user_id.value AS user_id
    FROM JSON_EACH(:guild_ids) AS guild_id
    INNER JOIN user_ids AS user_id ON guild_id.key = user_id.key
);

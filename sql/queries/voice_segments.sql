-- name: together :value
-- What the members of a guild together spent within the range, which must lie within these days;
-- ended sessions only. NULL where that is nothing.
SELECT
    SUM(
        CASE WHEN ended_at < :until THEN ended_at ELSE :until END
        - CASE WHEN started_at > :since THEN started_at ELSE :since END
    ) AS total
FROM voice_segments
WHERE guild_id = :guild_id AND day IN (:days) AND started_at < :until AND ended_at > :since;

-- name: guilds :many
-- Every guild with a session or something of a roll-up.
-- crosses guilds: an operator has them all looked at
-- scan voice_sessions: a report of an operator; reads its key only
-- scan voice_segments: as above
-- scan voice_member_totals: as above
-- scan voice_channel_totals: as above
-- scan voice_hours: as above
SELECT guild_id FROM voice_sessions
UNION
SELECT guild_id FROM voice_segments
UNION
SELECT guild_id FROM voice_member_totals
UNION
SELECT guild_id FROM voice_channel_totals
UNION
SELECT guild_id FROM voice_hours
ORDER BY guild_id;

-- name: clear :rows
-- Takes away all segments of a guild. Its totals go first, else they are counted down one by one.
DELETE FROM voice_segments
WHERE guild_id = :guild_id;

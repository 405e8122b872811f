-- name: wrong :many
-- Totals of channels of a guild that are not the sum of the segments: as kept, and as is right.
WITH segments AS (
    SELECT
        day,
        channel_id,
        SUM(ended_at - started_at) AS total
    FROM voice_segments
    WHERE guild_id = :guild_id
    GROUP BY day, channel_id
),

both_ways AS (
    SELECT
        period,
        channel_id,
        total AS kept,
        total - total AS correct
    FROM voice_channel_totals
    WHERE guild_id = :guild_id
    UNION ALL
    SELECT
        day AS period,
        channel_id,
        total - total AS kept,
        total AS correct
    FROM segments
    UNION ALL
    SELECT
        day / 100 AS period,
        channel_id,
        total - total AS kept,
        total AS correct
    FROM segments
)

SELECT
    period,
    channel_id AS id,
    SUM(kept) AS kept,
    SUM(correct) AS correct
FROM both_ways
GROUP BY period, channel_id
HAVING SUM(kept) <> SUM(correct)
ORDER BY period, channel_id;

-- name: clear :rows
-- Takes away all totals of a guild, for voice_segments.rebuild to add up anew.
DELETE FROM voice_channel_totals
WHERE guild_id = :guild_id;

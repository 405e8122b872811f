-- name: between :many
-- What the members of a guild together spent in each hour of UTC, by its quarters; ended sessions
-- only, hours without any left out. The bounds are included, and written as the hour is.
SELECT
    guild_id,
    hour,
    quarter_1,
    quarter_2,
    quarter_3,
    quarter_4
FROM voice_hours
WHERE guild_id = :guild_id AND hour BETWEEN :first_hour AND :last_hour
ORDER BY hour;

-- name: at :many
-- The same of these hours alone.
SELECT
    guild_id,
    hour,
    quarter_1,
    quarter_2,
    quarter_3,
    quarter_4
FROM voice_hours
WHERE guild_id = :guild_id AND hour IN (:hours);

-- name: clear :rows
-- Takes away all hours of a guild, for voice_segments.rebuild to add up anew.
DELETE FROM voice_hours
WHERE guild_id = :guild_id;

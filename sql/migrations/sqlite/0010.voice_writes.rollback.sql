-- As in 0005.voice_rollups.

DROP TRIGGER voice_segments_taken;
DROP TRIGGER voice_segments_added;
DROP TRIGGER voice_segments_added_hours_between;
DROP TRIGGER voice_segments_added_last_hour;
DROP TRIGGER voice_sessions_stored_over_midnight;
DROP TRIGGER voice_sessions_stored;

DELETE FROM voice_channel_totals
WHERE period <= 9999;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    period / 100 AS of_year,
    channel_id,
    SUM(total) AS year_total
FROM voice_channel_totals
WHERE period BETWEEN 10001 AND 999912
GROUP BY guild_id, of_year, channel_id;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    0 AS all_time,
    channel_id,
    SUM(total) AS all_total
FROM voice_channel_totals
WHERE period BETWEEN 100 AND 9999
GROUP BY guild_id, channel_id;

CREATE TRIGGER voice_sessions_stored AFTER INSERT ON voice_sessions
WHEN new.left_at > new.joined_at
BEGIN
    INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
    SELECT
        new.guild_id,
        CAST(STRFTIME('%Y%m%d', cut.midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
        new.channel_id,
        MAX(new.joined_at, cut.midnight) AS started_at,
        new.user_id,
        MIN(new.left_at, cut.midnight + 86400000000) AS ended_at
    FROM (
        WITH RECURSIVE days (midnight) AS (
            SELECT new.joined_at - (new.joined_at % 86400000000 + 86400000000) % 86400000000
            UNION ALL
            SELECT midnight + 86400000000
            FROM days
            WHERE midnight + 86400000000 < new.left_at
        )

        SELECT midnight FROM days
    ) AS cut;
END;

CREATE TRIGGER voice_segments_added AFTER INSERT ON voice_segments
BEGIN
    INSERT INTO voice_member_totals (guild_id, period, user_id, total)
    VALUES
    (new.guild_id, new.day, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 100, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 10000, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, 0, new.user_id, new.ended_at - new.started_at)
    ON CONFLICT (guild_id, period, user_id) DO UPDATE SET total = total + excluded.total;
    INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
    VALUES
    (new.guild_id, new.day, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 100, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 10000, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, 0, new.channel_id, new.ended_at - new.started_at)
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = total + excluded.total;
    INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
    SELECT
        new.guild_id,
        new.day * 100 + hour AS hour,
        MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0)) AS quarter_1,
        MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS quarter_2,
        MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS quarter_3,
        MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS quarter_4
    FROM (
        WITH RECURSIVE hours (hour, from_us, to_us) AS (
            SELECT
                (new.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000,
                (new.started_at % 3600000000 + 3600000000) % 3600000000,
                (new.started_at % 3600000000 + 3600000000) % 3600000000
                + new.ended_at - new.started_at
            UNION ALL
            SELECT
                hour + 1,
                0,
                to_us - 3600000000
            FROM hours
            WHERE to_us > 3600000000
        )

        SELECT
            hour,
            from_us,
            to_us
        FROM hours
    ) AS pieces
    WHERE TRUE
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = quarter_1 + excluded.quarter_1,
        quarter_2 = quarter_2 + excluded.quarter_2,
        quarter_3 = quarter_3 + excluded.quarter_3,
        quarter_4 = quarter_4 + excluded.quarter_4;
END;

CREATE TRIGGER voice_segments_taken AFTER DELETE ON voice_segments
BEGIN
    UPDATE voice_member_totals
    SET total = total - (old.ended_at - old.started_at)
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND user_id = old.user_id;
    DELETE FROM voice_member_totals
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND user_id = old.user_id
        AND total = 0;
    UPDATE voice_channel_totals
    SET total = total - (old.ended_at - old.started_at)
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND channel_id = old.channel_id;
    DELETE FROM voice_channel_totals
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND channel_id = old.channel_id
        AND total = 0;
    UPDATE voice_hours
    SET
        quarter_1 = voice_hours.quarter_1 - gone.quarter_1,
        quarter_2 = voice_hours.quarter_2 - gone.quarter_2,
        quarter_3 = voice_hours.quarter_3 - gone.quarter_3,
        quarter_4 = voice_hours.quarter_4 - gone.quarter_4
    FROM (
        SELECT
            old.day * 100 + hour AS hour,
            MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0)) AS quarter_1,
            MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS quarter_2,
            MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS quarter_3,
            MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS quarter_4
        FROM (
            WITH RECURSIVE hours (hour, from_us, to_us) AS (
                SELECT
                    (old.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000,
                    (old.started_at % 3600000000 + 3600000000) % 3600000000,
                    (old.started_at % 3600000000 + 3600000000) % 3600000000
                    + old.ended_at - old.started_at
                UNION ALL
                SELECT
                    hour + 1,
                    0,
                    to_us - 3600000000
                FROM hours
                WHERE to_us > 3600000000
            )

            SELECT
                hour,
                from_us,
                to_us
            FROM hours
        ) AS pieces
    ) AS gone
    WHERE voice_hours.guild_id = old.guild_id AND voice_hours.hour = gone.hour;
    DELETE FROM voice_hours
    WHERE
        guild_id = old.guild_id
        AND hour BETWEEN old.day * 100 AND old.day * 100 + 23
        AND quarter_1 = 0 AND quarter_2 = 0 AND quarter_3 = 0 AND quarter_4 = 0;
END;

-- What a leave writes, made less.
--
-- Channels by day and month alone: a guild has few, so that years and all time are soon added up
-- from months, and a leave changes two rows of theirs in place of four.
-- derived voice_channel_totals: years and all time are the sum of the months, which stay.
-- No release reads them.
-- A session that ends on the day it began, as most do, is its own segment,
-- and its hours are told without a recursion, which cost more than all else in a lone leave.

DROP TRIGGER voice_sessions_stored;
DROP TRIGGER voice_segments_added;
DROP TRIGGER voice_segments_taken;

DELETE FROM voice_channel_totals
WHERE period <= 9999;

CREATE TRIGGER voice_sessions_stored AFTER INSERT ON voice_sessions
WHEN
    new.left_at > new.joined_at
    AND new.left_at <= new.joined_at
    - (new.joined_at % 86400000000 + 86400000000) % 86400000000 + 86400000000
BEGIN
    INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
    VALUES (
        new.guild_id,
        CAST(
            STRFTIME(
                '%Y%m%d',
                (new.joined_at - (new.joined_at % 86400000000 + 86400000000) % 86400000000)
                / 1000000,
                'unixepoch'
            ) AS INTEGER
        ),
        new.channel_id,
        new.joined_at,
        new.user_id,
        new.left_at
    );
END;

CREATE TRIGGER voice_sessions_stored_over_midnight AFTER INSERT ON voice_sessions
WHEN
    new.left_at > new.joined_at
    - (new.joined_at % 86400000000 + 86400000000) % 86400000000 + 86400000000
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
    (new.guild_id, new.day / 100, new.channel_id, new.ended_at - new.started_at)
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = total + excluded.total;
    INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
    SELECT
        new.guild_id,
        new.day * 100 + hour AS hour,
        MAX(0, MIN(to_us, 900000000) - from_us) AS quarter_1,
        MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS quarter_2,
        MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS quarter_3,
        MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS quarter_4
    FROM (
        SELECT
            (new.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000 AS hour,
            (new.started_at % 3600000000 + 3600000000) % 3600000000 AS from_us,
            (new.started_at % 3600000000 + 3600000000) % 3600000000
            + new.ended_at - new.started_at AS to_us
    ) AS piece
    WHERE TRUE
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = quarter_1 + excluded.quarter_1,
        quarter_2 = quarter_2 + excluded.quarter_2,
        quarter_3 = quarter_3 + excluded.quarter_3,
        quarter_4 = quarter_4 + excluded.quarter_4;
END;

-- The hour in which it ends, where that is another.
CREATE TRIGGER voice_segments_added_last_hour AFTER INSERT ON voice_segments
WHEN
    (new.started_at % 3600000000 + 3600000000) % 3600000000
    + new.ended_at - new.started_at > 3600000000
BEGIN
    INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
    SELECT
        new.guild_id,
        new.day * 100 + hour AS hour,
        MIN(to_us, 900000000) AS quarter_1,
        MAX(0, MIN(to_us, 1800000000) - 900000000) AS quarter_2,
        MAX(0, MIN(to_us, 2700000000) - 1800000000) AS quarter_3,
        MAX(0, to_us - 2700000000) AS quarter_4
    FROM (
        SELECT
            ((new.ended_at - 1) % 86400000000 + 86400000000) % 86400000000 / 3600000000 AS hour,
            ((new.ended_at - 1) % 3600000000 + 3600000000) % 3600000000 + 1 AS to_us
    ) AS piece
    WHERE TRUE
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = quarter_1 + excluded.quarter_1,
        quarter_2 = quarter_2 + excluded.quarter_2,
        quarter_3 = quarter_3 + excluded.quarter_3,
        quarter_4 = quarter_4 + excluded.quarter_4;
END;

-- Whole hours in between.
CREATE TRIGGER voice_segments_added_hours_between AFTER INSERT ON voice_segments
WHEN
    (new.started_at % 3600000000 + 3600000000) % 3600000000
    + new.ended_at - new.started_at > 7200000000
BEGIN
    INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
    SELECT
        new.guild_id,
        new.day * 100 + hour AS hour,
        900000000 AS quarter_1,
        900000000 AS quarter_2,
        900000000 AS quarter_3,
        900000000 AS quarter_4
    FROM (
        WITH RECURSIVE hours (hour, to_us) AS (
            SELECT
                (new.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000 + 1,
                (new.started_at % 3600000000 + 3600000000) % 3600000000
                + new.ended_at - new.started_at - 3600000000
            UNION ALL
            SELECT
                hour + 1,
                to_us - 3600000000
            FROM hours
            WHERE to_us > 7200000000
        )

        SELECT hour FROM hours
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
        AND period IN (old.day, old.day / 100)
        AND channel_id = old.channel_id;
    DELETE FROM voice_channel_totals
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100)
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

-- Totals of members in three parts, by the length of their period.
--
-- A board of a year, or of all time, reads a row for each member of a guild. Stored as they came,
-- each stood on a page among those of days: 12,015 pages for 20,000 members. By themselves they
-- stand on 210. Statements go on asking voice_member_totals, which now is its parts together.
-- SQLite stores rows in the order of their key and has nothing to do.
-- derived voice_member_totals: what is deleted of it was moved to other parts of it before.

-- Who writes now would add to a row that is on its way elsewhere. Reads wait from the rename on.
LOCK TABLE voice_sessions, voice_segments, voice_member_totals IN SHARE ROW EXCLUSIVE MODE;

-- Years, and all time.
CREATE TABLE voice_member_year_totals (
    guild_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, period, user_id)
) WITH (fillfactor = 80);

INSERT INTO voice_member_year_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    period,
    user_id,
    total
FROM voice_member_totals
WHERE period <= 9999
ORDER BY guild_id, period, user_id;

CREATE TABLE voice_member_month_totals (
    guild_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, period, user_id)
) WITH (fillfactor = 80);

INSERT INTO voice_member_month_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    period,
    user_id,
    total
FROM voice_member_totals
WHERE period BETWEEN 10000 AND 999999
ORDER BY guild_id, period, user_id;

DELETE FROM voice_member_totals
WHERE period <= 999999;

-- What is left are days. It comes back under its name below, in the same transaction.
-- squawk-ignore renaming-table
ALTER TABLE voice_member_totals RENAME TO voice_member_day_totals;
-- Nothing names it.
-- squawk-ignore renaming-object
ALTER INDEX voice_member_totals_pkey RENAME TO voice_member_day_totals_pkey;

-- Serves voice_sessions.leaderboard.
CREATE TABLE voice_member_totals (
    guild_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, period, user_id)
) PARTITION BY RANGE (period);

ALTER TABLE voice_member_totals ATTACH PARTITION voice_member_year_totals
FOR VALUES FROM (MINVALUE) TO (10000);
ALTER TABLE voice_member_totals ATTACH PARTITION voice_member_month_totals
FOR VALUES FROM (10000) TO (1000000);
ALTER TABLE voice_member_totals ATTACH PARTITION voice_member_day_totals
FOR VALUES FROM (1000000) TO (MAXVALUE);

-- A part is small at first, and a connection would keep the plan that reads it from end to end.
CREATE OR REPLACE FUNCTION take_voice_totals() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO voice_member_totals AS kept (guild_id, period, user_id, total)
    SELECT
        gone.guild_id,
        gone.period,
        gone.user_id,
        gone.total
    FROM (
        SELECT
            removed.guild_id,
            periods.period,
            removed.user_id,
            SUM(removed.started_at - removed.ended_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.user_id
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT totals.total
        FROM voice_member_totals AS totals
        WHERE
            totals.guild_id = gone.guild_id
            AND totals.period = gone.period
            AND totals.user_id = gone.user_id
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.period, gone.user_id
    ON CONFLICT (guild_id, period, user_id) DO UPDATE SET total = kept.total + excluded.total;

    -- Part by part: a place (ctid) is one within a part only.
    DELETE FROM voice_member_day_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day AS period, user_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_member_day_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = gone.period
                AND totals.user_id = gone.user_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    DELETE FROM voice_member_month_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day / 100 AS period, user_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_member_month_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = gone.period
                AND totals.user_id = gone.user_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    DELETE FROM voice_member_year_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day / 10000 AS year, user_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            VALUES (gone.year), (0)
        ) AS periods (period)
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_member_year_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = periods.period
                AND totals.user_id = gone.user_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    INSERT INTO voice_channel_totals AS kept (guild_id, period, channel_id, total)
    SELECT
        gone.guild_id,
        gone.period,
        gone.channel_id,
        gone.total
    FROM (
        SELECT
            removed.guild_id,
            periods.period,
            removed.channel_id,
            SUM(removed.started_at - removed.ended_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.channel_id
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT totals.total
        FROM voice_channel_totals AS totals
        WHERE
            totals.guild_id = gone.guild_id
            AND totals.period = gone.period
            AND totals.channel_id = gone.channel_id
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.period, gone.channel_id
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = kept.total + excluded.total;

    DELETE FROM voice_channel_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day, channel_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            VALUES (gone.day), (gone.day / 100)
        ) AS periods (period)
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_channel_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = periods.period
                AND totals.channel_id = gone.channel_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    INSERT INTO voice_hours AS kept (
        guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4
    )
    SELECT
        gone.guild_id,
        gone.hour,
        gone.quarter_1,
        gone.quarter_2,
        gone.quarter_3,
        gone.quarter_4
    FROM (
        SELECT
            guild_id,
            hour,
            -SUM(quarter_1) AS quarter_1,
            -SUM(quarter_2) AS quarter_2,
            -SUM(quarter_3) AS quarter_3,
            -SUM(quarter_4) AS quarter_4
        FROM (
            SELECT
                removed.guild_id,
                CAST(TO_CHAR(begun_at, 'YYYYMMDDHH24') AS BIGINT) AS hour,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '15 minutes')
                    - GREATEST(removed.started_at, begun_at),
                    INTERVAL '0'
                ) AS quarter_1,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '30 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '15 minutes'),
                    INTERVAL '0'
                ) AS quarter_2,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '45 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '30 minutes'),
                    INTERVAL '0'
                ) AS quarter_3,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '60 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '45 minutes'),
                    INTERVAL '0'
                ) AS quarter_4
            FROM removed
            CROSS JOIN GENERATE_SERIES(
                DATE_TRUNC('hour', removed.started_at),
                removed.ended_at - INTERVAL '1 microsecond',
                INTERVAL '1 hour'
            ) AS cut (begun_at)
        ) AS pieces
        GROUP BY guild_id, hour
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT hours.hour
        FROM voice_hours AS hours
        WHERE hours.guild_id = gone.guild_id AND hours.hour = gone.hour
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.hour
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = kept.quarter_1 + excluded.quarter_1,
        quarter_2 = kept.quarter_2 + excluded.quarter_2,
        quarter_3 = kept.quarter_3 + excluded.quarter_3,
        quarter_4 = kept.quarter_4 + excluded.quarter_4;

    DELETE FROM voice_hours
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day FROM removed) AS gone
        CROSS JOIN LATERAL (
            SELECT hours.ctid
            FROM voice_hours AS hours
            WHERE
                hours.guild_id = gone.guild_id
                AND hours.hour BETWEEN gone.day * 100 AND gone.day * 100 + 23
                AND hours.quarter_1 = INTERVAL '0'
                AND hours.quarter_2 = INTERVAL '0'
                AND hours.quarter_3 = INTERVAL '0'
                AND hours.quarter_4 = INTERVAL '0'
            LIMIT 24
        ) AS kept
    ));
    RETURN NULL;
END;
$$;

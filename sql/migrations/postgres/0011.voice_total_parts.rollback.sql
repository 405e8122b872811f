LOCK TABLE voice_sessions, voice_segments, voice_member_totals IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE voice_member_totals DETACH PARTITION voice_member_day_totals;

INSERT INTO voice_member_day_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    period,
    user_id,
    total
FROM voice_member_totals
ORDER BY guild_id, period, user_id;

-- With the parts that it still has.
DROP TABLE voice_member_totals;

ALTER TABLE voice_member_day_totals RENAME TO voice_member_totals;
ALTER INDEX voice_member_day_totals_pkey RENAME TO voice_member_totals_pkey;

CREATE OR REPLACE FUNCTION take_voice_totals() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
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

    DELETE FROM voice_member_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day, user_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            VALUES (gone.day), (gone.day / 100), (gone.day / 10000), (0)
        ) AS periods (period)
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_member_totals AS totals
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
